"""What is fitted with which parameters, and what is predicted.

Both contestants get the same data, parameters and `random_state`, and cannot end before
`max_iter`: the tolerance is 0 and epochs without a gain are not counted.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from benchmarks.estimators.data import DATA, REGRESSIONS, TITLES, Data

CONTESTANTS = {"mlp": "mlp", "sklearn": "scikit-learn"}
SMALL_BATCH = 32  # up to which four times is asked of `fit`, and twice beyond
Call = Callable[[], Any]


@cache
def load(name: str) -> Data:
    """A data set, made once."""
    return DATA[name]()


def estimator(who: str, data: str, **options: Any) -> Any:
    """An estimator of a contestant, not yet fitted."""
    if who == "mlp":
        import mlp as module
    else:
        from sklearn import neural_network as module
    kind = module.MLPRegressor if data in REGRESSIONS else module.MLPClassifier
    return kind(random_state=0, tol=0.0, n_iter_no_change=np.inf, **options)


@dataclass(frozen=True)
class Fit:
    """A line of the table of fits.

    Parameters
    ----------
    data : str
        Of `data.DATA`.
    label : str
        What sets it apart from the other cells of these data.
    epochs : int
        `max_iter`; with `stream` the passes over the rows.
    options : dict
        Further parameters of the estimator.
    rows : int, optional
        How many of the rows are taken: all by default.
    dtype : {"float64", "float32"}
        Of X.
    stream : int, default 0
        Rows in a call of `partial_fit`; 0 for `fit`.
    """

    data: str
    label: str
    epochs: int
    options: dict[str, Any] = field(default_factory=dict)
    rows: int | None = None
    dtype: str = "float64"
    stream: int = 0

    @property
    def name(self) -> str:
        """What it is called on the command line, "digits/32"."""
        return f"{self.data}/{self.label}"

    @property
    def title(self) -> str:
        """What it is called in the picture."""
        label = f"batch {self.label}" if self.label.isdigit() else self.label
        rows = "" if self.rows is None else f" ({self.rows:,} rows)"
        return f"{TITLES[self.data]}: {label}{rows}"

    @property
    def batch(self) -> int:
        """Rows in a step, as the parameters have it; 200 is the default."""
        size = self.options.get("batch_size", "auto")
        return self.stream or (200 if size == "auto" else size)

    @property
    def bound(self) -> float:
        """How many times as fast as scikit-learn it should be."""
        return 4.0 if self.batch <= SMALL_BATCH else 2.0

    def arrays(self) -> Data:
        """The rows to fit."""
        X, y = load(self.data)
        return X[: self.rows].astype(self.dtype, copy=False), y[: self.rows]

    def prepare(self, who: str) -> Call:
        """A contestant's whole fit; it returns the fitted estimator."""
        (X, y), classes = self.arrays(), np.unique(load(self.data)[1])

        def fit() -> Any:
            fitted = estimator(who, self.data, max_iter=self.epochs, **self.options)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                return fitted.fit(X, y)

        def stream() -> Any:
            fitted = estimator(who, self.data, **self.options)
            known = {} if self.data in REGRESSIONS else {"classes": classes}
            for _ in range(self.epochs):
                for start in range(0, len(y), self.stream):
                    rows = slice(start, start + self.stream)
                    fitted.partial_fit(X[rows], y[rows], **known)
            return fitted

        return stream if self.stream else fit


@dataclass(frozen=True)
class Predict:
    """A line of the table of predictions.

    Parameters
    ----------
    data : str
        Of `data.DATA`.
    method : {"predict", "predict_proba"}
    frame : bool, default False
        Whether the estimator has been fitted with a pandas frame and is asked with one.
    one : bool, default True
        One row, or all.
    """

    data: str
    method: str
    frame: bool = False
    one: bool = True

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        what = "all" if not self.one else "frame" if self.frame else "row"
        return f"{self.data}/{self.method}/{what}"

    @property
    def title(self) -> str:
        """What it is called in the picture."""
        what = "all rows" if not self.one else "a frame of one row" if self.frame else "one row"
        return f"{self.method}, {TITLES[self.data].partition(',')[0]}: {what}"

    @property
    def bound(self) -> float | None:
        """How many times as fast as scikit-learn it should be."""
        return 5.0 if self.one and self.method == "predict_proba" else None

    def prepare(self, who: str) -> Call:
        """A contestant's answer for the row or rows; what it is fitted with, it was fitted with before."""
        X, y = load(self.data)
        if self.frame:
            import pandas

            X = pandas.DataFrame(X, columns=[f"column {k}" for k in range(X.shape[1])])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = estimator(who, self.data, max_iter=1).fit(X, y)
        answer, asked = getattr(fitted, self.method), X[:1] if self.one else X
        return lambda: answer(asked)


def batches(
    data: str, epochs: tuple[int, int, int], one: int | None = None, few: int | None = None
) -> list[Fit]:
    """The cells of a data set with batches of 200, of 32 (of `few` rows in all) and of 1 (of `one`)."""
    sizes = zip(("auto", SMALL_BATCH, 1), ("200", "32", "1"), epochs, (None, few, one), strict=True)
    return [Fit(data, label, epoch, {"batch_size": size}, limit) for size, label, epoch, limit in sizes]


FITS = [
    *batches("digits", (50, 12, 1)),
    *batches("cancer", (100, 30, 2)),
    *batches("wine", (300, 100, 6)),
    *batches("table", (5, 1, 1), one=1000),
    *batches("text", (1, 1, 1), one=100, few=3200),
    *batches("regression", (5, 1, 1), one=2000),
    Fit("digits", "lbfgs", 60, {"solver": "lbfgs"}),
    Fit("diabetes", "lbfgs", 200, {"solver": "lbfgs"}),
    Fit("digits", "sgd", 50, {"solver": "sgd"}),
    Fit("digits", "tanh", 40, {"activation": "tanh"}),
    Fit("digits", "logistic", 40, {"activation": "logistic"}),
    Fit("digits", "hidden (10,)", 60, {"hidden_layer_sizes": (10,)}),
    Fit("digits", "hidden (100, 100)", 30, {"hidden_layer_sizes": (100, 100)}),
    Fit("digits", "hidden (512, 512)", 3, {"hidden_layer_sizes": (512, 512)}),
    Fit("digits", "float32", 50, dtype="float32"),
    Fit("table", "float32", 5, dtype="float32"),
    Fit("digits", "early stopping", 40, {"early_stopping": True}),
    Fit("regression", "early stopping", 4, {"early_stopping": True}),
    Fit("digits", "partial_fit of 32", 5, stream=32),
    Fit("table", "partial_fit of 10", 1, stream=10, rows=3000),
]
PREDICTS = [
    Predict("digits", "predict", one=False),
    Predict("table", "predict", one=False),
    Predict("table", "predict_proba", one=False),
    Predict("text", "predict", one=False),
    Predict("regression", "predict", one=False),
    Predict("digits", "predict_proba"),
    Predict("cancer", "predict_proba"),
    Predict("digits", "predict"),
    Predict("regression", "predict"),
    Predict("digits", "predict_proba", frame=True),
    Predict("digits", "predict", frame=True),
]
MEMORY = [
    Fit("table", "200", 1, {}),
    Fit("text", "200", 1, {}),
    Fit("regression", "200", 1, {}),
]
