"""The clock: contestants take turns, in an order that turns from round to round."""

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from benchmarks.estimators.cells import Call
from benchmarks.timing import PAUSE, Times, clock

Quantiles = dict[str, dict[str, float]]


def turns(names: list[str], rounds: int) -> Iterator[str]:
    """Who comes when: all in each round, beginning with another each time."""
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            gc.collect()
            time.sleep(PAUSE)
            yield name


def fits(runs: Mapping[str, Call], rounds: int, seconds: float) -> tuple[Times, dict[str, int]]:
    """Milliseconds of a fit in each round, and how many fits fill a visit of so many seconds."""
    number = {name: max(1, round(seconds / clock(run))) for name, run in runs.items()}
    times: Times = {name: [] for name in runs}
    for name in turns(list(runs), rounds):
        took = clock(repeat, runs[name], number[name])
        times[name].append(took / number[name] * 1e3)
    return times, number


def repeat(action: Callable[[], Any], number: int) -> None:
    """Call it so many times."""
    for _ in range(number):
        action()


def calls(actions: Mapping[str, Call], rounds: int, seconds: float) -> tuple[Times, Quantiles]:
    """Microseconds of single calls: the median in each round, and the quantiles of all calls."""
    times: Times = {name: [] for name in actions}
    every: dict[str, list[float]] = {name: [] for name in actions}
    for name in turns(list(actions), rounds):
        action, took = actions[name], []
        action()  # fills the caches
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(took) < 3:
            took.append(clock(action) * 1e6)
        times[name].append(float(np.median(took)))
        every[name] += took
    return times, {
        name: {"p50": float(np.quantile(found, 0.5)), "p99": float(np.quantile(found, 0.99))}
        for name, found in every.items()
    }
