"""What every fit begins and ends with, be the network made from parameters or the user's own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mlp.layers import stack
from mlp.models import Sequential

# by these scikit-learn ends its callbacks, after an error too
OF_CALLBACKS = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")


def store(estimator: Any, arguments: Mapping[str, Any]) -> None:
    """Keep the arguments of a constructor, its ``locals()``, as they are."""
    for name, value in arguments.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)


@contextmanager
def undone_on_error(estimator: Any) -> Iterator[None]:
    """Put the attributes back as they were if a fit fails before it has learnt anything.

    That is before the end of its first epoch, or of its first iteration. What an estimator predicts
    is then what it predicted before, or it is still not fitted.
    """
    before, known = dict(vars(estimator)), _epochs(estimator)
    try:
        yield
    except BaseException:
        after = vars(estimator)
        goes_on = after.get("model_") is before.get("model_")
        if _epochs(estimator) == (known if goes_on else 0):
            before |= {name: after[name] for name in OF_CALLBACKS if name in after}
            after.clear()
            after.update(before)
        raise


def _epochs(estimator: Any) -> int:
    return len(vars(estimator).get("loss_curve_", ()))


def are_given(X: Any, y: Any, sample_weight: Any) -> bool:
    """Whether there is a validation set of the user's own.

    Raises
    ------
    ValueError
        If a part of it is missing, in scikit-learn's words.
    """
    if X is None and y is None:
        if sample_weight is not None:
            raise ValueError("sample_weight_val is provided, but X_val and y_val were not provided.")
        return False
    if X is None or y is None:
        missing, there = ("X_val", "y_val") if X is None else ("y_val", "X_val")
        raise ValueError(f"{there} is provided, but {missing} was not provided.")
    return True


def release(model: Sequential) -> None:
    """Let go of the last batch and of the working memory, which a solver makes as large as the data."""
    for layer in stack.everything(model.layers):
        if layer.rows >= 0 or "X" in vars(layer):
            layer.release()
