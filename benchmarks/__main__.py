"""`python -m benchmarks` runs all benchmarks with the arguments it is given, each in its own process."""

import subprocess
import sys

COMMANDS = ("speed", "parts", "solvers", "estimators")

if __name__ == "__main__":
    for command in COMMANDS:
        subprocess.run([sys.executable, "-m", f"benchmarks.{command}", *sys.argv[1:]], check=True)
