"""The command: `python -m benchmarks.parts`."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.parts import catalogue, report, rounds
from benchmarks.parts.entries import Entry, Prepare, Size

RESULTS = Path(__file__).parents[1] / "results"


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    if left_out := catalogue.missing():
        raise SystemExit(f"classes of mlp without an entry in benchmarks/parts: {left_out}")
    everything = not (options.kinds or options.parts or options.quick)
    results: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine.describe(),
        "protocol": {"rounds": options.rounds, "seconds_per_visit": options.seconds},
        "load_before": machine.load(),
    }
    start = time.perf_counter()
    results["parts"] = measure(options)
    results |= {
        "minutes": (time.perf_counter() - start) / 60,
        "load_after": machine.load(),
        "threads": machine.threads(),
    }
    print("\n" + report.text(results["parts"]))
    if everything or options.output:
        report.save(results, options.output or RESULTS)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parts")
    kinds = list(catalogue.ENTRIES)
    parser.add_argument("--kinds", type=words, help="some of: " + ",".join(kinds))
    parser.add_argument("--parts", type=words, help="classes, such as GELU,Adam")
    parser.add_argument("--peers", type=words, help="some of: torch,keras; none for mlp alone")
    parser.add_argument("--rounds", type=int, help="visits to each contestant (9)")
    parser.add_argument("--quick", action="store_true", help="3 rounds of shorter visits; writes nothing")
    parser.add_argument(
        "--output", type=Path, help="folder for parts.json and parts.png (benchmarks/results)"
    )
    options = parser.parse_args(arguments)
    unknown = set(options.kinds or ()) - set(kinds)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(kinds)}")
    options.rounds = options.rounds or (3 if options.quick else 9)
    options.seconds = 0.002 if options.quick else 0.006
    return options


def words(text: str) -> list[str]:
    """The parts of a list with commas."""
    return text.split(",")


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure the chosen entries at their sizes; each gives its medians and ratios."""
    absent: set[str] = set()
    results = []
    for kind, entries in catalogue.ENTRIES.items():
        if options.kinds and kind not in options.kinds:
            continue
        print(f"{kind} …", flush=True)
        for entry in entries:
            if options.parts and entry.part.__name__ not in options.parts:
                continue
            for size in entry.sizes:
                contestants = chosen(entry, options.peers)
                result = measure_one(contestants, size, absent, options.rounds, options.seconds)
                results.append({"kind": kind, "part": entry.name, "size": str(size)} | result)
    return results


def chosen(entry: Entry, peers: list[str] | None) -> dict[str, Prepare]:
    """The contestants that have the part and are wanted."""
    every = entry.contestants()
    return {name: every[name] for name in every if peers is None or name in ("mlp", *peers)}


def measure_one(
    contestants: dict[str, Prepare], size: Size, absent: set[str], number: int, seconds: float
) -> dict[str, Any]:
    """One cell of the table; a contestant that is not installed is left out, with a line."""
    actions = {}
    for name, prepare in contestants.items():
        if name in absent:
            continue
        try:
            actions[name] = prepare(size)
        except ImportError as error:
            print(f"{name}: skipped, {error}")
            absent |= {name}
    odd = report.disagree({name: action() for name, action in actions.items()})
    times = rounds.interleave(actions, number, seconds)
    return report.summary(times) | ({"differs": odd} if odd else {})


if __name__ == "__main__":
    main()
