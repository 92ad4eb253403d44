"""Solvers over all rows at once: L-BFGS in scikit-learn's way, and those of `mlp.optimizers`."""

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.optimize import _check_optimize_result

from mlp.arrays import Array
from mlp.callbacks import Callback
from mlp.estimators.layer_engine import LayerEngine
from mlp.estimators.listeners import Listeners
from mlp.estimators.loop import watch
from mlp.estimators.rows import Rows
from mlp.optimizers.lbfgs import lbfgs
from mlp.optimizers.objective import EPOCHS_OVER, require_deterministic
from mlp.parameters import Parameters
from mlp.regularizers import L1L2


class Minimisation:
    """A run of L-BFGS over all rows.

    Parameters
    ----------
    estimator : BaseMultilayerPerceptron
        Its `max_iter`, `max_fun` and `tol` say when it ends; its books are kept.
    engine : ExactEngine or LayerEngine
        Makes loss and gradient.
    rows : Rows
    judge : callable or None
        Returns loss and score on held-out rows, after each iteration.
    listeners : Listeners

    Raises
    ------
    ArgumentError
        If the loss is not the same at every call, for dropout.
    """

    def __init__(self, estimator: Any, engine: Any, rows: Rows, judge: Any, listeners: Listeners) -> None:
        self.estimator, self.engine, self.judge, self.listeners = estimator, engine, judge, listeners
        self.batch = rows.all()
        if isinstance(engine, LayerEngine):
            first = rows.between(0, 8)[0]
            first = first if isinstance(first, np.ndarray) else first.dense()
            require_deterministic(engine.layers, first, engine.parameters.values, "solver='lbfgs'")
        places = in_their_order(engine.parameters)
        self.gradients = [engine.parameters.gradients[place] for place in places]
        values = [engine.parameters.values[place] for place in places]
        self.kept, self.begun = np.concatenate(values), False
        ends = np.cumsum([value.size for value in values]).tolist()
        self.values = [(value, slice(end - value.size, end)) for value, end in zip(values, ends, strict=True)]
        self.heard = judge is not None or listeners.hear

    def run(self) -> None:
        """Minimise; the weights are then those of the best point."""
        estimator = self.estimator
        estimator.n_iter_, self.listeners.unit = 0, "iteration"
        self.listeners.begin(1)
        options = {"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol}
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                result = lbfgs(self.evaluate, self.kept, self.iterated, **options)
        except _StoppedError:
            self.move(self.kept)
            return
        except BaseException:
            self.move(self.kept)
            raise
        estimator.n_iter_ = _check_optimize_result("lbfgs", result, estimator.max_iter)
        estimator.loss_ = result.fun
        self.move(result.x)

    def evaluate(self, w: Array) -> tuple[float, Array]:
        """L and ∂L/∂w at a point."""
        if not self.begun:
            self.listeners.begin_epoch()
            self.begun = True
        self.move(w)
        loss = self.engine.gradient(*self.batch)
        return loss, np.concatenate(self.gradients)

    def iterated(self, intermediate_result: Any) -> None:
        """Keep the books of an iteration."""
        self.kept, self.begun = intermediate_result.x.copy(), False
        if self.heard:
            self.move(self.kept)
        if note(self.estimator, float(intermediate_result.fun), self.judge, self.listeners):
            raise _StoppedError

    def move(self, w: Array) -> None:
        """Set the weights."""
        for value, place in self.values:
            np.copyto(value, w[place])


class _StoppedError(Exception):
    """Carries a callback's wish to end through scipy's loop."""


def in_their_order(parameters: Parameters) -> list[slice]:
    """Where the parameters lie: first every W, then every b, as scikit-learn packs them.

    The products that L-BFGS makes of whole vectors depend on the order in their last digit.
    """
    order = sorted(range(len(parameters.names)), key=lambda k: not parameters.names[k].endswith(".W"))
    return [parameters.slices[k] for k in order]


def note(estimator: Any, loss: float, judge: Any, listeners: Listeners) -> bool:
    """Keep the books of an iteration; return whether a callback wants it to be the last."""
    estimator.n_iter_, estimator.loss_ = estimator.n_iter_ + 1, loss
    estimator.loss_curve_.append(loss)
    if estimator.verbose:
        print(f"Iteration {estimator.n_iter_}, loss = {loss:.8f}")
    if judge is not None:
        watch(estimator, judge)
    listeners.end_batch(loss)
    return listeners.end_epoch()


def minimise(estimator: Any, solver: Any, rows: Rows, judge: Any, listeners: Listeners) -> None:
    """Run a solver of the library, such as Levenberg and Marquardt's, with `model_`'s own loss.

    The loss is the estimator's but for a factor; the penalties get the same factor.
    """
    model, factor = estimator.model_, estimator._factor_of_library_loss()
    X, T, weight = rows.all()
    total = len(T) if weight is None else weight.sum()
    penalty = L1L2(estimator.l1 / total * factor, 0.5 * estimator.alpha / total * factor)
    dense = estimator._dense()
    model.compile(solver, model.loss, metrics=estimator._metrics())
    estimator.n_iter_ = 0
    for layer in dense:
        layer.regularizers = {"W": penalty}
    try:
        listeners.begin(1)
        model.fit(
            X if isinstance(X, np.ndarray) else X.dense(),
            estimator._library_targets(T, model.loss),
            epochs=estimator.max_iter,
            sample_weight=None if weight is None else weight * (len(weight) / total),
            callbacks=[_Books(estimator, judge, listeners, factor)],
            verbose=0,
        )
    finally:
        for layer in dense:
            layer.regularizers = {}
        model.let_go()
    if solver.message == EPOCHS_OVER and estimator.n_iter_ == estimator.max_iter:
        warnings.warn(
            f"{type(solver).__name__}: Maximum iterations ({estimator.max_iter}) reached and the "
            "optimization hasn't converged yet.",
            ConvergenceWarning,
            stacklevel=7,
        )


class _Books(Callback):
    """Keeps an estimator's books while `Model.fit` trains its network."""

    def __init__(self, estimator: Any, judge: Any, listeners: Listeners, factor: float) -> None:
        self.estimator, self.judge, self.listeners, self.factor = estimator, judge, listeners, factor

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.listeners.begin_epoch()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if note(self.estimator, logs["loss"] / self.factor, self.judge, self.listeners):
            self.model.stop_training = True
