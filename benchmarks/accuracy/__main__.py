"""The command: `python -m benchmarks.accuracy`. Measures what is not in the file yet, then reports."""

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from benchmarks import commands, machine
from benchmarks.accuracy import report
from benchmarks.accuracy.methods import METHODS, OURS, TITLES
from benchmarks.accuracy.records import Key, Records
from benchmarks.accuracy.tables import GROUPS, SETS
from benchmarks.workers import REASONS, Answer, Worker

RESULTS = commands.RESULTS / "accuracy.json"
QUIET = 0.5  # load of a machine on which seconds mean something
QUICK = {"sets": ["vowel", "diabetes"], "methods": [*OURS, "linear", "histgb"]}


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    records = Records(options.json)
    keys = [key for key in jobs(options) if options.again or not records.has(key, options.times)]
    if not options.report:
        measure(records, keys, options.times)
    picture = options.json.with_suffix(".png") if options.json and complete(options) else None
    report.show(records, options.sets, options.methods, picture)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    add, some = parser.add_argument, "with commas between them"
    groups = ", ".join(GROUPS)
    add("--sets", type=commands.words, help=f"tables or groups ({groups}), {some}; all: {', '.join(SETS)}")
    add("--methods", type=commands.words, help=f"contestants, {some}; all: {', '.join(METHODS)}")
    add("--seeds", type=commands.words, default=["0", "1"], help="of the splits and fits, such as 0,1 or 0-4")
    add("--times", action="store_true", help="keep seconds too: a quiet machine, contestants in turns")
    add("--again", action="store_true", help="measure also what is in the file, as after a change")
    add("--report", action="store_true", help="measure nothing")
    add("--quick", action="store_true", help="two small tables, some contestants, no file")
    add("--json", type=Path, default=RESULTS, help="file, with a picture beside it (results/accuracy.json)")
    options = parser.parse_args(arguments)
    for name, values in QUICK.items() if options.quick else ():
        setattr(options, name, getattr(options, name) or values)
    names = [n for name in options.sets or SETS for n in GROUPS.get(name, (name,))]
    options.sets = list(commands.chosen(names, dict.fromkeys(SETS)))
    options.methods = list(commands.chosen(options.methods, METHODS))
    options.seeds = [seed for part in options.seeds for seed in numbers(part)]
    if options.quick:
        options.seeds, options.json = [0], None
    return options


def complete(options: argparse.Namespace) -> bool:
    """Whether all tables and contestants are asked for, as the picture has them."""
    return len(options.sets) == len(SETS) and len(options.methods) == len(METHODS)


def numbers(part: str) -> list[int]:
    """3 or 0-4."""
    first, _, last = part.partition("-")
    return list(range(int(first), int(last or first) + 1))


def jobs(options: argparse.Namespace) -> Iterator[Key]:
    """Seed by seed, table by table, the contestants in an order that turns by one place each time."""
    turn = 0
    for seed in options.seeds:
        for name in options.sets:
            first, turn = turn % len(options.methods), turn + 1
            for method in options.methods[first:] + options.methods[:first]:
                yield name, seed, method


def measure(records: Records, keys: list[Key], timed: bool) -> None:
    """Fit and judge, each contestant in the process that it shares with others of its library."""
    if timed and (load := machine.load() or 0) > QUIET:
        print(f"the load of this machine is {load}: seconds of now are not those of a quiet one", flush=True)
    out: set[str] = set()
    with Processes() as processes:
        for number, (name, seed, method) in enumerate(keys, 1):
            if method in out:
                continue
            place = f"{time.strftime('%H:%M:%S')} {number}/{len(keys)} {name}, seed {seed}, {TITLES[method]}"
            answer = processes.fit(method, name, seed, timed)
            reason = next((reason for reason in REASONS if reason in answer), None)
            if reason is None:
                records.add((name, seed, method), answer, timed)
            if reason == "absent":
                out.add(method)
            values = [f"{k} {v:.4g}" if isinstance(v, float) else f"{k}: {v}" for k, v in answer.items()]
            print(place, *values, sep=", ", flush=True)


class Processes:
    """A process for each library, started when it is first wanted; used in a ``with`` block."""

    def __init__(self) -> None:
        self.workers: dict[str, Worker] = {}
        self.warm: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for worker in self.workers.values():
            worker.close()

    def fit(self, method: str, name: str, seed: int, timed: bool) -> Answer:
        """A fit; in a timed run the contestant has made a small one before, which is not counted."""
        process = METHODS[method].process
        if process not in self.workers:
            self.workers[process] = Worker(process, "benchmarks.accuracy.worker")
            self.warm -= {other for other in METHODS if METHODS[other].process == process}
        worker = self.workers[process]
        answer = {} if method in self.warm or not timed else worker.ask("warm", method=method)
        if not any(reason in answer for reason in REASONS):
            self.warm |= {method} if timed else set()
            answer = worker.ask("fit", method=method, name=name, seed=seed)
        if worker.process.poll() is not None:
            self.workers.pop(process).close()
        return answer


if __name__ == "__main__":
    main()
