"""The clock: contestants take turns in one process, and the median over the rounds counts."""

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

PAUSE = 0.05  # seconds before a visit, in which the thread pools of the one before fall asleep
Times = dict[str, list[float]]


def clock(action: Callable[..., object], *arguments: object) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    action(*arguments)
    return time.perf_counter() - start


def calibrate(run: Callable[[int], object], seconds: float) -> int:
    """How many epochs make a visit of about that many seconds, at least 1; warms up on the way."""
    epochs = 1
    while True:
        took = clock(run, epochs)
        if took > seconds / 2:
            return max(1, round(epochs * seconds / took))
        epochs = max(epochs + 1, min(10 * epochs, round(epochs * seconds / took)))


def interleave(
    runs: Mapping[str, Callable[[int], object]], steps: int, rounds: int, seconds: float
) -> tuple[Times, dict[str, int]]:
    """Microseconds per step of each contestant in each round, and its epochs in a visit.

    Parameters
    ----------
    runs : mapping of str to callable
        Each trains for the number of epochs that it is given, and has compiled what it compiles.
    steps : int
        Steps in an epoch.
    rounds : int
        How often each is visited. The order turns by one place from round to round.
    seconds : float
        Length of a visit.
    """
    epochs = {name: calibrate(run, seconds) for name, run in runs.items()}
    times: Times = {name: [] for name in runs}
    names = list(runs)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            run, k = runs[name], epochs[name]
            gc.collect()
            time.sleep(PAUSE)
            run(1)  # wakes the threads and fills the caches
            took = clock(run, k)
            times[name].append(took / (k * steps) * 1e6)
    return times, epochs


def calls(actions: Mapping[str, Callable[[], object]], rounds: int, seconds: float) -> Times:
    """Median microseconds of a single call of each contestant in each round."""
    times: Times = {name: [] for name in actions}
    for action in actions.values():
        calibrate(lambda k, action=action: [action() for _ in range(k)], seconds / 2)
    for _ in range(rounds):
        for name, action in actions.items():
            gc.collect()
            time.sleep(PAUSE)
            took, end = [], time.perf_counter() + seconds
            while time.perf_counter() < end:
                took.append(clock(action))
            times[name].append(median(took) * 1e6)
    return times


def imports(modules: Sequence[str], rounds: int) -> Times:
    """Milliseconds that ``import module`` takes in a fresh interpreter, in each round."""
    code = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
    root = str(Path(__file__).parents[1])
    # compiled modules are kept, as they are after an installation
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    times: Times = {module: [] for module in modules}
    for number in range(rounds + 1):
        for module in modules:
            command = [sys.executable, "-c", code.format(module)]
            answer = subprocess.run(
                command, cwd=root, env=environment, check=True, capture_output=True, text=True
            )
            if number:  # the first fills the caches of the disk
                times[module].append(float(answer.stdout) * 1e3)
    return times
