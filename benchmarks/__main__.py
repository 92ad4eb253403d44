"""`python -m benchmarks` runs all benchmarks, each in its own process; `--quick` is a look at each."""

import argparse
import subprocess
import sys

COMMANDS = (
    "speed",
    "latency",
    "growth",
    "xor",
    "profile",
    "parts",
    "solvers",
    "estimators",
    "reading",
    "inspection",
    "side_by_side",
)

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter visits, nothing written")
    options = parser.parse_args()
    for command in COMMANDS:
        print(f"\n## python -m benchmarks.{command}\n", flush=True)
        arguments = ["--quick"] if options.quick else []
        subprocess.run([sys.executable, "-m", f"benchmarks.{command}", *arguments], check=True)
