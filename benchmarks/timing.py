"""The clock: visits of a length that is measured before, and fresh interpreters."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
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


def fresh(code: str, extra: Mapping[str, str] | None = None) -> str:
    """What that code prints, run by a fresh interpreter, which may keep compiled modules on disk.

    Raises
    ------
    subprocess.CalledProcessError
        If it fails; `stderr` has its last words.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | (extra or {})
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    return answer.stdout


def imports(modules: Sequence[str], rounds: int) -> Times:
    """Milliseconds that ``import module`` takes in a fresh interpreter, in each round."""
    code = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
    times: Times = {module: [] for module in modules}
    for number in range(rounds + 1):
        for module in modules:
            took = float(fresh(code.format(module)))
            if number:  # the first fills the caches of the disk
                times[module].append(took * 1e3)
    return times
