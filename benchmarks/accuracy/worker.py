"""`python -m benchmarks.accuracy.worker PROCESS`: fits the contestants that share a process.

It reads requests and answers them as `benchmarks.worker` does; what has been imported and compiled stays.
"""

import time
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import machine
from benchmarks.accuracy import tables
from benchmarks.accuracy.methods import METHODS, quiet, scores
from benchmarks.worker import Answer, serve

WARM_ROWS = 64


class Fits:
    """What a worker of this benchmark can be asked to do."""

    def warm(self, method: str) -> Answer:
        """Fit a few rows of both tasks, so that what is imported or compiled on first use is there."""
        rng = np.random.default_rng(0)
        X = pd.DataFrame(
            {"a": rng.normal(size=WARM_ROWS), "b": pd.Categorical(list("uvwx") * (WARM_ROWS // 4))}
        )
        y = np.arange(WARM_ROWS) % 3
        for classes, target in ((True, y), (False, y + rng.normal(size=WARM_ROWS))):
            judge(method, classes, 0, (X, X, target, target))
        return {}

    def fit(self, method: str, name: str, seed: int) -> Answer:
        """Learn from four fifths of a table and be judged by the rest; seconds of both."""
        return judge(method, tables.is_classification(name), seed, tables.split(name, seed))

    def threads(self) -> Answer:
        """The pools of threads in this process."""
        return {"pools": machine.threads()["pools"]}


def judge(method: str, classes: bool, seed: int, data: tuple[Any, Any, Any, Any]) -> Answer:
    """Scores on the test rows, seconds of fit and of the prediction."""
    X, X_test, y, y_test = data
    contestant = METHODS[method]
    start = time.perf_counter()
    X, X_test = contestant.prepare(X, X_test)
    estimator = contestant.make(classes, seed, X)
    estimator.fit(X, y)
    fitted = time.perf_counter()
    answer = estimator.predict_proba(X_test) if classes else estimator.predict(X_test)
    seconds = {"fit_seconds": fitted - start, "predict_seconds": time.perf_counter() - fitted}
    return scores(classes, answer, y_test) | seconds


if __name__ == "__main__":
    quiet()
    serve(Fits())
