"""Contestants in processes of their own, which take turns.

In one process the thread pools of NumPy, MKL, PyTorch and JAX wait for each other's threads; so
each contestant has a process (`worker.py`) to itself. Only the one that is visited runs: the others
are stopped by a signal, threads that wait in a loop included, where the system has that signal.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from benchmarks.cells import Cell
from benchmarks.timing import PAUSE, ROOT, Times

REASONS = ("absent", "unsuitable", "failed")
Answer = dict[str, Any]


class Worker:
    """One contestant's process, stopped unless it has something to do."""

    def __init__(self, name: str, module: str = "benchmarks.worker") -> None:
        command, pipe = [sys.executable, "-m", module, name], subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, bufsize=1)

    def ask(self, do: str, **arguments: Any) -> Answer:
        """Let the process go on with a request, wait for the answer, and stop it."""
        self.signal("SIGCONT")
        with contextlib.suppress(BrokenPipeError):  # the process has ended, as is seen below
            print(json.dumps({"do": do, **arguments}), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            return {"failed": f"its process ended, code {self.process.wait()}"}
        self.signal("SIGSTOP")
        return json.loads(line)

    def signal(self, name: str) -> None:
        """Stop the process or let it go on; nothing where the system knows no such signals."""
        if hasattr(signal, name) and self.process.poll() is None:
            os.kill(self.process.pid, getattr(signal, name))

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


class Workers:
    """The contestants of a benchmark; used in a ``with`` block, which ends their processes.

    Parameters
    ----------
    titles : mapping of str to str
        What the contestants are called in what is printed, by their names.
    """

    def __init__(self, titles: Mapping[str, str]) -> None:
        self.titles, self.left_out = dict(titles), dict[str, str]()
        self.workers = {name: Worker(name) for name in titles}

    def __enter__(self) -> Self:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that __exit__ is reached
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers.values():
            worker.close()

    def prepare(self, do: str, names: Iterable[str], cell: Cell) -> dict[str, Answer]:
        """Let the contestants prepare a cell, one after the other; the answers of those that could.

        Of one whose package is missing, or that fails, a line says so. It is not asked again if
        the package is missing or its process has ended.
        """
        answers = {}
        for name in [name for name in names if name in self.workers]:
            answer = self.workers[name].ask(do, cell=asdict(cell))
            if not self.is_out(name, answer, cell.name):
                answers[name] = answer
        return answers

    def is_out(self, name: str, answer: Answer, place: str) -> bool:
        """Whether the answer is a reason why not; says which."""
        reason = next((reason for reason in REASONS if reason in answer), None)
        if reason is None:
            return False
        if reason == "absent":
            print(f"{self.titles[name]}: skipped, {answer[reason]}", flush=True)
            self.left_out[name] = answer[reason]
        elif reason == "failed":
            print(f"{self.titles[name]}, {place}: FAILED, {answer[reason]}", flush=True)
            self.left_out[f"{name}, {place}"] = answer[reason]
        if reason == "absent" or self.workers[name].process.poll() is not None:
            self.workers.pop(name).close()
        return True

    def ask(self, name: str, do: str, **arguments: Any) -> Answer:
        """Ask one contestant while the others are stopped. A failure here ends the benchmark."""
        answer = self.workers[name].ask(do, **arguments)
        if any(reason in answer for reason in REASONS):
            raise SystemExit(f"{self.titles[name]}: {answer}")
        return answer

    def visits(
        self, names: Iterable[str], steps: int, rounds: int, seconds: float
    ) -> tuple[Times, dict[str, int]]:
        """Microseconds per step of each contestant in each round, and its epochs in a visit.

        Parameters
        ----------
        names : iterable of str
            Contestants that have prepared a cell.
        steps : int
            Steps in an epoch.
        rounds : int
            How often each is visited. The order turns by one place from round to round.
        seconds : float
            Length of a visit.
        """
        epochs = {name: self.ask(name, "calibrate", seconds=seconds)["epochs"] for name in names}
        times: Times = {name: [] for name in epochs}
        for name in turns(list(epochs), rounds):
            time.sleep(PAUSE)
            took = self.ask(name, "visit", epochs=epochs[name])["seconds"]
            times[name].append(took / (epochs[name] * steps) * 1e6)
        return times, epochs

    def threads(self) -> dict[str, Any]:
        """The thread pools in the process of each contestant."""
        return {name: self.ask(name, "threads")["pools"] for name in self.workers}


def turns(names: list[str], rounds: int) -> Iterable[str]:
    """Every name once a round, in an order that turns by one place from round to round."""
    for number in range(rounds):
        first = number % max(len(names), 1)
        yield from names[first:] + names[:first]
