"""The three training loops.

They differ in one thing: how many samples are seen before the weights move.

- `gradient_descent`: all of them. Each step follows the true gradient; the loss falls
  smoothly, one step an epoch.
- `stochastic_gradient_descent`: one. N noisy steps an epoch.
- `minibatch_gradient_descent`: some. Between the two, and the fastest on a real machine,
  since a batch is one matrix product.

`Sequential.fit` runs through them (``batch_size="full"``, ``1``, or a number), and each
can be called by itself on a compiled model. `run` does what all three share: `batches`
shuffles the rows and hands them out, each once, and `update` makes one step of the delta
rule with them and keeps the history.

Beside them stands `minimise`, for optimizers that make their own way over all rows (L-BFGS,
Levenberg-Marquardt, scaled conjugate gradients) and do not step from one batch's gradient.
"""

from typing import TYPE_CHECKING, Any

from mlp.data.streams import is_stream, require_alone
from mlp.naming import is_integer, require
from mlp.optimizers.objective import Solver

if TYPE_CHECKING:
    from mlp.callbacks import History
    from mlp.model import Model


def gradient_descent(model: "Model", X: Any, T: Any, *, epochs: int = 1, **options: Any) -> "History":
    """Full-batch gradient descent: one update after all samples.

    Parameters
    ----------
    model : Sequential
        Compiled.
    X : array-like of shape (n, ...)
    T : array-like of shape (n, o) or (n,)
    epochs : int, default 1
        Passes over the data, here the same as updates.
    **options
        `callbacks`, `verbose`, `validation_data`, `sample_weight`, `class_weight`,
        `initial_epoch` as in `Sequential.fit`.

    Returns
    -------
    History

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], seed=0)
    >>> model.compile(mlp.optimizers.SGD(0.1), "mse")
    >>> history = gradient_descent(model, [[0.0], [1.0]], [[1.0], [3.0]], epochs=400)
    >>> model.get_weights()[0].round(2), model.get_weights()[1].round(2)
    (array([[2.]], dtype=float32), array([1.], dtype=float32))
    """
    with model.training(X, T, epochs=epochs, **options) as run:
        for _ in run.epochs(steps=1):
            run.update(run.whole().all())
    return run.history


def stochastic_gradient_descent(
    model: "Model", X: Any, T: Any, *, epochs: int = 1, shuffle: bool = True, **options: Any
) -> "History":
    """Stochastic gradient descent: shuffle the samples, one update after each.

    Parameters and result as in `gradient_descent`, and

    shuffle : bool, default True
        A new order each epoch.
    """
    with model.training(X, T, epochs=epochs, **options) as run:
        for _ in run.epochs(steps=run.steps(1)):
            for sample in run.batches(1, shuffle):
                run.update(sample)
    return run.history


def minibatch_gradient_descent(
    model: "Model",
    X: Any,
    T: Any,
    *,
    batch_size: int = 32,
    epochs: int = 1,
    shuffle: bool = True,
    drop_remainder: bool = False,
    **options: Any,
) -> "History":
    """Minibatch gradient descent: shuffle, split without replacement, one update a batch.

    Parameters and result as in `gradient_descent`, and

    batch_size : int, default 32
        Samples before an update; the last batch of an epoch may be smaller.
    shuffle : bool, default True
        A new order each epoch.
    drop_remainder : bool, default False
        Leave that smaller batch out: so all steps have equal rows, and the last step of an epoch no more
        noise than the others. With `shuffle` it is other rows each epoch that are left out.
    """
    whole = is_integer(batch_size) and batch_size > 0
    require(whole, "batch_size", batch_size, "a positive integer, or 'full'")
    with model.training(X, T, epochs=epochs, drop_remainder=drop_remainder, **options) as run:
        for _ in run.epochs(steps=run.steps(batch_size)):
            for batch in run.batches(batch_size, shuffle):
                run.update(batch)
    return run.history


def minimise(
    model: "Model",
    X: Any,
    T: Any,
    *,
    batch_size: Any = None,
    epochs: int = 1,
    **options: Any,
) -> "History":
    """Full batch, by a solver: `LBFGS`, `LevenbergMarquardt`, `ScaledConjugateGradient`.

    Parameters and result as in `gradient_descent`, and

    batch_size : None, "full" or int, default None
        A number must be at least that of the rows.
    epochs : int, default 1
        Iterations at most: the history is shorter if the solver has converged before, and
        ``model.optimizer.message`` says why it ended. The loss of an epoch is that after it.
    """
    with model.training(X, T, epochs=epochs, **options) as run:
        solver, rows = model.optimizer, len(run.whole())
        expected = "a solver, such as 'lbfgs', 'levenberg_marquardt' or 'scaled_conjugate_gradient'"
        require(isinstance(solver, Solver), "the optimizer of the model", solver, expected)
        whole = batch_size in (None, "full") or (is_integer(batch_size) and batch_size >= rows)
        name = type(solver).__name__
        require(
            whole, "batch_size", batch_size, f"None, 'full' or at least {rows}: {name} takes all rows at once"
        )
        steps = run.steps_per_epoch
        require(steps is None, "steps_per_epoch", steps, f"None: an epoch of {name} is one iteration")
        solver.minimise(run)
    return run.history


def fit(
    model: "Model", x: Any, y: Any, batch_size: int | str | None, shuffle: bool, **options: Any
) -> "History":
    """The loop that the optimizer and the batch size ask for, with these arguments of `Model.fit`."""
    if batch_size is not None and is_stream(x):
        require_alone(batch_size=batch_size)
    if isinstance(model.optimizer, Solver):
        return minimise(model, x, y, batch_size=batch_size, **options)
    if isinstance(batch_size, str) and batch_size == "full":
        return gradient_descent(model, x, y, **options)
    if is_integer(batch_size) and batch_size == 1:
        return stochastic_gradient_descent(model, x, y, shuffle=shuffle, **options)
    size: Any = 32 if batch_size is None else batch_size
    return minibatch_gradient_descent(model, x, y, batch_size=size, shuffle=shuffle, **options)
