"""`python -m benchmarks` runs all benchmarks, with the arguments of `python -m benchmarks.speed`."""

from benchmarks import speed

if __name__ == "__main__":
    speed.main()
