"""Kills training runs at random moments, and holds what they end with to undisturbed ones.

``python -m benchmarks.kills`` kills the runs of every optimizer 50 times on each engine: some 40 minutes.
The runs are those of tests/reliability/runs.py, where the tests kill some of them a few times.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent / "tests" / name) for name in ("reliability", "")]

import runs  # noqa: E402


def soak(engine: str, rule: str, kills: int, longest: float, seed: int, folder: Path) -> bool:
    """Kill the runs of one optimizer so many times; print the figures; whether all bytes were the same."""
    names = [name for name in runs.EVERY if name.split("-")[0] == rule]
    expected = runs.whole(engine, folder / "whole", names)
    done, found, began, resumed = 0, expected, time.time(), []
    for turn in range(kills):  # until there were enough; a turn ends when its runs are over
        if done >= kills:
            break
        place = folder / f"killed_{turn}"
        found, count = runs.killed(engine, place, names, kills - done, longest, seed + turn)
        done, resumed = done + count, resumed + runs.resumed(place, names)
        different = {
            name: [key for key in expected[name] if found[name].get(key) != expected[name][key]]
            for name in names
            if found[name] != expected[name]
        }
        if different:
            print(f"{engine} {rule}: after {done} kills, turn {turn}: DIFFERENT {different}", flush=True)
            return False
    midst = sum(batch > 0 for _, batch in resumed)
    print(
        f"{engine:5} {rule:24} {len(names)} runs, {done} kills, gone on {len(resumed)} times, {midst} "
        f"of them within an epoch: the same bytes ({time.time() - began:.0f} s)",
        flush=True,
    )
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="for each optimizer and engine")
    parser.add_argument("--longest", type=float, default=0.15, help="seconds of training before a kill")
    parser.add_argument("--engines", nargs="+", default=["numpy", "numba"])
    parser.add_argument("--rules", nargs="+", default=[*runs.RULES, *runs.SOLVERS])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    same = True
    for engine in options.engines:
        for rule in options.rules:
            with tempfile.TemporaryDirectory() as folder:
                same &= soak(engine, rule, options.kills, options.longest, options.seed, Path(folder))
    sys.exit(not same)


if __name__ == "__main__":
    main()
