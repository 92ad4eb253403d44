"""scikit-learn's training loop: minibatches until the loss, or a score on held-out rows, gets no better."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.estimators.listeners import Listeners
from mlp.estimators.rows import Rows
from mlp.estimators.rules import first_rate


class Descent:
    """A run of gradient descent over some rows, for an estimator that keeps the books.

    Parameters
    ----------
    estimator : BaseMultilayerPerceptron
        Its parameters say how; `n_iter_`, `t_`, `loss_curve_` and the others are kept there.
    engine : ExactEngine or LayerEngine
        Makes loss and gradient of a batch.
    rule : Optimizer
        Makes the update.
    rows : Rows
        To train with.
    judge : callable or None
        Returns loss and score on held-out rows.
    listeners : Listeners
    """

    def __init__(
        self, estimator: Any, engine: Any, rule: Any, rows: Rows, judge: Any, listeners: Listeners
    ) -> None:
        self.estimator, self.engine, self.rule = estimator, engine, rule
        self.rows, self.judge, self.listeners = rows, judge, listeners
        self.size = batch_size(estimator.batch_size, len(rows))
        self.order = np.arange(len(rows))
        if estimator.alpha_scaling == "data":
            engine.data_total = rows.total()

    def run(self, epochs: int) -> bool:
        """Train until the epochs are over, or there is nothing to gain; return whether that came first."""
        self.estimator.n_iter_ = 0
        self.rule.resume()
        self.listeners.begin(-(-len(self.rows) // self.size))
        over = self.descend(epochs)
        self.rule.finish()
        return over

    def descend(self, epochs: int) -> bool:
        """Make the epochs."""
        engine, rule, size = self.engine, self.rule, self.size
        alone = self.listeners.ours.hears_batches  # who hears of each batch sees its weights
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for _ in range(epochs):
                total = 0.0
                self.listeners.begin_epoch()
                for chunk in self.rows.chunks(self.shuffled(), size, self.estimator.n_outputs_, alone):
                    losses = engine.descend(*chunk, size, rule)
                    for number, loss in enumerate(losses):
                        total += loss * min(size, len(chunk[1]) - number * size)
                        self.listeners.end_batch(loss)
                if self.end_epoch(total / len(self.rows)):
                    return True
        return False

    def shuffled(self) -> Array | None:
        """The rows' numbers in a new order, a shuffle of the last; None to take them as they come."""
        if not self.estimator.shuffle:
            return None
        self.estimator._random_state.shuffle(self.order)
        return self.order

    def end_epoch(self, loss: float) -> bool:
        """Keep the books of an epoch; return whether it was the last."""
        estimator = self.estimator
        estimator.n_iter_ += 1
        estimator.loss_ = loss
        estimator.t_ += len(self.rows)
        estimator.loss_curve_.append(loss)
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {loss:.8f}")
        if self.judge is not None:
            self.validate()
        if not estimator.early_stopping:
            self.count_stalls(loss > estimator.best_loss_ - estimator.tol)
            if loss < estimator.best_loss_:
                estimator.best_loss_ = loss
        if estimator.learning_rate == "invscaling" and self.adjusts_rate():
            estimator._optimizer.learning_rate = (
                first_rate(estimator) / (estimator.t_ + 1) ** estimator.power_t
            )
        stalled = estimator._no_improvement_count > estimator.n_iter_no_change
        return (stalled and self.gives_up()) | self.listeners.end_epoch()

    def validate(self) -> None:
        """Judge the weights by the held-out rows, and keep them if they are the best so far."""
        estimator = self.estimator
        score = watch(estimator, self.judge)
        if not estimator.early_stopping:
            return
        self.count_stalls(score < estimator.best_validation_score_ + estimator.tol)
        if score > estimator.best_validation_score_:
            estimator.best_validation_score_ = score
            estimator._best_weights = self.engine.parameters.values.copy()

    def count_stalls(self, stalls: bool) -> None:
        """Count the epochs in a row that have brought less than `tol`."""
        self.estimator._no_improvement_count = self.estimator._no_improvement_count + 1 if stalls else 0

    def adjusts_rate(self) -> bool:
        """Whether the schedules by name apply: not to Adam, as in scikit-learn."""
        return self.estimator.solver != "adam" and not callable(self.estimator._optimizer.learning_rate)

    def gives_up(self) -> bool:
        """After too many epochs without a gain: end, or with `learning_rate="adaptive"` go slower."""
        estimator, rule = self.estimator, self.rule
        what = "Validation score" if estimator.early_stopping else "Training loss"
        message = (
            f"{what} did not improve more than tol={estimator.tol:f} for "
            f"{estimator.n_iter_no_change:d} consecutive epochs."
        )
        ends, then = True, "Stopping."
        if estimator.learning_rate == "adaptive" and self.adjusts_rate():
            if rule.learning_rate <= 1e-6:
                then = "Learning rate too small. Stopping."
            else:
                rule.learning_rate /= 5.0
                ends, then = False, f"Setting learning rate to {rule.learning_rate:f}"
        if estimator.verbose:
            print(f"{message} {then}")
        if not ends:
            estimator._no_improvement_count = 0
        return ends


def watch(estimator: Any, judge: Callable[[], tuple[float, float]]) -> float:
    """Write down loss and score on held-out rows; return the score."""
    loss, score = judge()
    estimator.validation_loss_curve_.append(loss)
    estimator.validation_scores_.append(score)
    if estimator.verbose:
        print(f"Validation score: {score:f}")
    return score


def batch_size(asked: Any, rows: int) -> int:
    """The size of a batch: at most all rows, and 200 if it is "auto"."""
    if asked == "auto":
        return min(200, rows)
    if asked > rows:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=7
        )
    return min(int(asked), rows)
