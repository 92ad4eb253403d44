"""The best epoch of a training: rows that are held out are predicted after each, and judged."""

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mlp import metrics, predicting
from mlp.arrays import Array
from mlp.callbacks.averages import averaged
from mlp.callbacks.base import Callback, Logs
from mlp.callbacks.monitoring import less_is_better
from mlp.data import ArrayData
from mlp.errors import ArgumentError
from mlp.evaluation import as_a_whole, check_data
from mlp.metrics import Metric
from mlp.naming import Part, is_integer, require, require_one_of

FORMS = "'loss', the name of a metric, a Metric, or a function (y_true, y_pred) -> number"
PATIENCES = "None, an integer of at least 0, or (factor, extra), two numbers of at least 0"


class BestEpoch(Callback):
    """Give the model, at the end, the weights of the epoch that was best on rows that are held out.

    After each epoch the rows are predicted and judged; the weights are copied whenever no epoch before
    was better. That takes less time than `validation_data` and ``EarlyStopping(restore_best_weights=True)``,
    and the metric need not be one of the model's.

    Parameters
    ----------
    x : array-like of shape (n, ...)
    y : array-like of shape (n, o) or (n,)
        As in ``model.evaluate(x, y)``; a function as metric gets it as it is.
    metric : str, Metric or callable, default "loss"
        "loss" is the number that ``model.evaluate(x, y)`` gives; else a name as in `Model.compile`, a
        metric, or a function (y_true, y_pred) → float, which gets `y` as an array and the outputs, (n, o).
    mode : {"auto", "min", "max"}, default "auto"
        Whether less or more is better; "auto" asks the metric. A function needs one of the others.
    ties : {"later", "earlier"}, default "later"
        Which of equally good epochs is the best. The later one has trained more, and where few rows are
        counted as right or wrong ties are frequent.
    patience : int or (float, float), optional
        End the training early: after so many epochs that were not best, or, by (factor, extra), when
        epoch > factor · best_epoch + extra, both counted from 0. By default all epochs are made.
    sample_weight : array-like of shape (n,), optional
        Weights of the rows; not for a function.

    Attributes
    ----------
    best : float or None
        The best value; None if no epoch has been judged.
    best_epoch : int or None
        Its epoch, counted from 0.
    values : list of float
        The value of each epoch; NaN, which is never the best, for one that diverged.
    prediction : Array of shape (n, o) or None
        The outputs for `x` after the best epoch.
    stopped_epoch : int or None
        The epoch after which `patience` ended the training.

    Raises
    ------
    ArgumentError
        If an argument cannot be used; when the training begins, if the rows do not suit the model; after
        the first epoch, if the metric is no number.

    Notes
    -----
    What is copied and given back is ``model.parameters.values``: all weights, and what is kept with
    them, as the averages of a batch normalisation. With ``use_ema=True`` the average is judged, kept and
    given back. The weights are given back whatever ended the training: the last epoch, `patience`, another
    callback, a time limit, Ctrl-C or an error; the optimizer's state stays that of the last step.

    References
    ----------
    L. Prechelt, "Early stopping — but when?", Neural networks: tricks of the trade (1998). Later ties and
    the form of the patience: D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by default: strong
    pre-tuned MLPs and boosted trees on tabular data" (2024).

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], seed=0)
    >>> model.compile(mlp.optimizers.SGD(0.9), "mse")
    >>> judge = BestEpoch([[0.0], [2.0]], [1.0, 2.0], "mae")
    >>> run = model.fit([[0.0], [1.0]], [1.0, 3.0], epochs=6, callbacks=[judge], verbose=0)
    >>> judge.best == min(judge.values) == judge.values[judge.best_epoch]
    True
    >>> bool((model.predict([[0.0], [2.0]]) == judge.prediction).all())
    True
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        metric: str | Metric | Callable[[Any, Any], float] = "loss",
        mode: str = "auto",
        ties: str = "later",
        patience: int | tuple[float, float] | None = None,
        sample_weight: Any = None,
    ) -> None:
        require_one_of("mode", mode, ("auto", "min", "max"))
        require_one_of("ties", ties, ("later", "earlier"))
        pair = isinstance(patience, list | tuple) and len(patience) == 2
        numbers = patience if isinstance(patience, list | tuple) else (patience,)
        plain = all(isinstance(n, int | float) and not isinstance(n, bool) and n >= 0 for n in numbers)
        right = patience is None or (plain and (pair or is_integer(patience)))
        require(right, "patience", patience, PATIENCES)
        self.x, self.y, self.metric, self.sample_weight = x, y, metric, sample_weight
        self.mode, self.ties, self.patience = mode, ties, patience
        self._function: Any = metric if _is_function(metric) else None
        known = self._function is not None or isinstance(metric, str | type | Part)
        require(known, "metric", metric, FORMS)
        self._metric: Metric | None = None
        if self._function is not None:
            require(sample_weight is None, "sample_weight", sample_weight, "None where metric is a function")
        elif metric != "loss":
            self._metric = copy.deepcopy(metrics.get(metric))  # the model may have it too
        self._falls = less_is_better("BestEpoch", f"metric={metric!r}", mode, self._metric or metric)
        self._reset()

    def _reset(self) -> None:
        self.best: float | None = None
        self.best_epoch: int | None = None
        self.stopped_epoch: int | None = None
        self.values: list[float] = []
        self.prediction: Array | None = None
        self._weights: Array | None = None

    # the hooks

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._reset()
        model, y, where = self.model, self.y, "BestEpoch: "
        self._data: ArrayData | None = None
        if self._function is None:
            self._rows, self._T, self._weight = check_data(model, self.x, y, self.sample_weight, where)
            if self._metric is None:
                self._data = as_a_whole(model, self._rows, self._T, self._weight)
            return
        self._rows, self._T = model.as_inputs(self.x, where + "x"), np.asarray(y)
        rows = self._T.shape[0] if self._T.ndim else 0
        require(rows == len(self._rows), where + "y", f"{rows} rows", f"as many rows as x, {len(self._rows)}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            self.values.append(math.nan)  # it has diverged, and the weights are those of one before
            return
        with averaged(self.model.optimizer), self.model.lock, np.errstate(over="ignore", invalid="ignore"):
            self._judge(epoch)
        if self._is_over(epoch):
            self.stopped_epoch, self.model.stop_training = epoch, True

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._finish()

    def on_train_failure(self) -> None:
        self._finish()

    def _finish(self) -> None:
        if self._weights is not None:
            np.copyto(self.model.parameters.values, self._weights)
        self._rows, self._data, self._weights = np.empty(0), None, None

    # judging

    def _judge(self, epoch: int) -> None:
        out, value = self._value()
        self.values.append(value)
        if not self._is_best(value):
            return
        self.best, self.best_epoch = value, epoch
        values = self.model.parameters.values
        if self._weights is None or self.prediction is None:
            self._weights, self.prediction = values.copy(), out.copy()
        else:
            np.copyto(self._weights, values)
            np.copyto(self.prediction, out)

    def _is_best(self, value: float) -> bool:
        if self.best is None or value == self.best:
            return not math.isnan(value) and (self.best is None or self.ties == "later")
        return value < self.best if self._falls else value > self.best

    def _is_over(self, epoch: int) -> bool:
        if self.patience is None or self.best_epoch is None:
            return False
        if isinstance(self.patience, list | tuple):
            factor, extra = self.patience
            return epoch > factor * self.best_epoch + extra
        return epoch - self.best_epoch >= self.patience and epoch > 0

    def _value(self) -> tuple[Array, float]:
        """The outputs, good until the model is used again, and what they are worth."""
        if self._data is not None:
            return self._loss(self._data)
        out = self._outputs()
        if self._function is not None:
            value = self._function(self._T, out)
        else:
            assert self._metric is not None
            self._metric.reset_state()
            prediction = out if self._metric.of_all_outputs else self.model.loss.prediction(out)
            self._metric.update_state(self._T, prediction, self._weight)
            value = self._metric.result()
        if np.ndim(value) or not isinstance(value, int | float | np.generic):
            raise ArgumentError(
                f"BestEpoch: metric={self.metric!r} must give one number; got {value!r}, of shape "
                f"{np.shape(value)}"
            )
        return out, float(value)

    def _loss(self, data: ArrayData) -> tuple[Array, float]:
        model = self.model
        engine, size, outs = model.ready(), model.chunk, []
        data.renew()
        value = engine.penalty()
        for start in range(0, len(data), size):
            X, _, target, share = data.between(start, start + size)
            value += engine.evaluate(X, target, share, len(data))
            outs.append(engine.out if len(data) <= size else engine.out.copy())
        return outs[0] if len(outs) == 1 else np.concatenate(outs), float(value)

    def _outputs(self) -> Array:
        X, size = self._rows, self.model.chunk
        compute = predicting.ready(self.model, X.shape)
        if len(X) <= size:
            return compute(X)
        return np.concatenate([compute(X[k : k + size]).copy() for k in range(0, len(X), size)])

    # in another process

    def get_state(self) -> dict[str, Any]:
        kept = ("best", "best_epoch", "stopped_epoch", "values", "prediction", "_weights")
        return {name: getattr(self, name) for name in kept}

    def set_state(self, state: dict[str, Any]) -> None:
        copies = {name: np.array(value) for name, value in state.items() if isinstance(value, np.ndarray)}
        vars(self).update(state | copies)


def _is_function(metric: Any) -> bool:
    """Whether it is to be called with targets and outputs as they are."""
    return callable(metric) and not isinstance(metric, type | Part) and not hasattr(metric, "part")
