"""`python -m benchmarks.worker NAME`: one contestant in a process of its own.

It reads a request from each line of its standard input, in JSON, and answers with a line on its
standard output. Between two requests it does nothing. What libraries print goes to standard
error. `workers.py` is the other end.
"""

import ctypes
import gc
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.cells import FLOAT, Array, Cell, UnsuitableError
from benchmarks.timing import calibrate, clock

PARENT_DEATH = 1  # Linux's PR_SET_PDEATHSIG
FEWEST_CALLS, SHARES = 100, {"p50": 50, "p99": 99}
Answer = dict[str, Any]


class Contestant:
    """What a worker can be asked to do; each public method is a request.

    Parameters
    ----------
    name : str
        As in `peers.PEERS` or `predictors.PREDICTORS`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.run: Callable[[int], float | None] = lambda epochs: None
        self.answer: Callable[[Array], Array] = np.asarray

    def train(self, cell: Answer) -> Answer:
        """Prepare the training of a cell, and make the first epoch: its loss, and the seconds of both."""
        from benchmarks.peers import PEERS

        self.run = lambda epochs: None  # so that the memory of the cell before is free
        gc.collect()
        start = time.perf_counter()
        self.run = PEERS[self.name].prepare(as_cell(cell))
        loss = self.run(1)
        return {"loss": loss, "seconds": time.perf_counter() - start}

    def calibrate(self, seconds: float) -> Answer:
        """How many epochs make a visit."""
        return {"epochs": calibrate(self.run, seconds)}

    def visit(self, epochs: int) -> Answer:
        """Seconds of so many epochs, after one that is not counted, which wakes threads and fills caches."""
        gc.collect()
        self.run(1)
        return {"seconds": clock(self.run, epochs)}

    def predict(self, cell: Answer) -> Answer:
        """Prepare predictions; the answers for some rows."""
        from benchmarks.predictors import PREDICTORS

        self.answer = PREDICTORS[self.name].prepare(as_cell(cell))
        return {"outputs": np.asarray(self.answer(rows(4, cell["sizes"][0]))).tolist()}

    def calls(self, count: int, inputs: int, seconds: float) -> Answer:
        """Microseconds of a single call with so many rows: the median, and what 99 of 100 stay below."""
        X, took, answer = rows(count, inputs), [], self.answer
        end = time.perf_counter() + seconds / 4
        while time.perf_counter() < end:
            answer(X)
        gc.collect()
        end = time.perf_counter() + seconds
        while len(took) < FEWEST_CALLS or time.perf_counter() < end:
            start = time.perf_counter()
            answer(X)
            took.append(time.perf_counter() - start)
        values = np.percentile(took, list(SHARES.values())) * 1e6
        return dict(zip(SHARES, values.tolist(), strict=True)) | {"calls": len(took)}

    def threads(self) -> Answer:
        """The pools of threads in this process."""
        return {"pools": machine.threads()["pools"]}


def as_cell(values: Answer) -> Cell:
    """A cell as JSON has it, with its sizes a tuple again."""
    return Cell(**(values | {"sizes": tuple(values["sizes"])}))


def rows(count: int, inputs: int) -> Array:
    """Rows to be asked about, standard normal."""
    return np.random.default_rng(4).standard_normal((count, inputs)).astype(FLOAT)


def answer(contestant: Any, request: Answer) -> Answer:
    """Do what the request says. What cannot be done is answered by the reason."""
    arguments = {key: value for key, value in request.items() if key != "do"}
    try:
        return getattr(contestant, request["do"])(**arguments)
    except UnsuitableError as reason:
        return {"unsuitable": str(reason)}
    except (ImportError, OSError) as reason:
        return {"absent": str(reason)}
    except Exception as reason:
        traceback.print_exc()
        return {"failed": f"{type(reason).__name__}: {reason}"}


def serve(contestant: Any) -> None:
    """Answer what comes in, until nothing more comes."""
    if sys.platform == "linux":  # a stopped worker would outlive a parent that is killed
        ctypes.CDLL(None).prctl(PARENT_DEATH, signal.SIGKILL)
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        for line in sys.stdin:
            print(json.dumps(answer(contestant, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    serve(Contestant(sys.argv[1]))
