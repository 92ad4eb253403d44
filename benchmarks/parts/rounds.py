"""The clock: contestants take turns; of a visit the median over short stretches counts.

A stretch is as many calls as fit into a fifth of a millisecond, at least one. Where another
process takes the processor away it spoils the stretch and not the visit.
"""

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median
from typing import Any

STRETCH = 2e-4  # seconds
Times = dict[str, list[float]]


def interleave(actions: Mapping[str, Callable[[], Any]], rounds: int, seconds: float) -> Times:
    """Microseconds per call of each contestant in each round; the order turns from round to round."""
    calls = {name: calibrate(action) for name, action in actions.items()}
    times: Times = {name: [] for name in actions}
    names = list(actions)
    with without_collector():
        for number in range(rounds):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                times[name].append(visit(actions[name], calls[name], seconds))
    return times


def visit(action: Callable[[], Any], calls: int, seconds: float) -> float:
    """Microseconds per call: the median over stretches of so many calls that take about so long."""
    clock, repeats, found = time.perf_counter, range(calls), []
    action()  # fills the caches
    end = clock() + seconds
    while True:
        start = clock()
        for _ in repeats:
            action()
        now = clock()
        found.append((now - start) / calls)
        if now > end:
            return median(found) * 1e6


def calibrate(action: Callable[[], Any]) -> int:
    """How many calls make a stretch; warms up on the way, for 10 ms or three calls."""
    action()
    least, begin, done = float("inf"), time.perf_counter(), 0
    while done < 3 or time.perf_counter() < begin + 0.01:
        start = time.perf_counter()
        action()
        least, done = min(least, time.perf_counter() - start), done + 1
    return max(1, round(STRETCH / least))


def faster(*actions: Callable[[], Any]) -> Callable[[], Any]:
    """The one of some actions that takes the shortest time."""
    times = interleave({str(k): action for k, action in enumerate(actions)}, 5, 0.004)
    return actions[min(range(len(actions)), key=lambda k: median(times[str(k)]))]


@contextmanager
def without_collector() -> Iterator[None]:
    """No collection of garbage while the clock runs; before it, one."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
