"""Held-out rows: split off or given, and what the weights are worth on them."""

import copy
import inspect
from collections.abc import Callable
from typing import Any

from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split

from mlp.arrays import Array
from mlp.estimators.rows import Rows


def split(estimator: Any, X: Any, T: Array, weight: Array | None, labels: Any) -> tuple[Rows, Rows]:
    """The rows to train with, and those held out: `validation_fraction`, stratified by `labels` if given.

    Raises
    ------
    ValueError
        If fewer than two rows are held out.
    """
    given = {"X": X, "T": T}
    if weight is not None:
        given["weight"] = weight
    parts = train_test_split(
        *given.values(),
        random_state=estimator._random_state,
        test_size=estimator.validation_fraction,
        stratify=labels,
    )
    train, held_out = (Rows(**dict(zip(given, parts[k::2], strict=True))) for k in (0, 1))
    if len(held_out) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
        )
    return train, held_out


def judge(estimator: Any, engine: Any, held_out: Rows) -> Callable[[], tuple[float, float]]:
    """A function that returns the loss (without the penalties) and the score on held-out rows.

    The score is that of `scoring`, by default the accuracy or R²; for "loss" it is the loss, negated.
    """
    X, T, weight = held_out.X.astype(estimator.model_.dtype, copy=False), held_out.T, held_out.weight
    by_loss = isinstance(estimator.scoring, str) and estimator.scoring == "loss"
    own = by_loss or estimator.scoring is None
    scorer: Any = None if own else check_scoring(estimator, estimator.scoring)
    y = None if scorer is None else estimator._labels_of(T)
    given = {} if weight is None or not takes_weights(scorer) else {"sample_weight": weight}

    def result() -> tuple[float, float]:
        out, loss = engine.judge(X, T, weight)
        if by_loss:
            return loss, -float(loss)
        if scorer is None:
            return loss, float(estimator._score_of(out, T, weight))
        return loss, float(scorer(nameless(estimator), X, y, **given))

    return result


def takes_weights(scorer: Any) -> bool:
    """Whether a scorer, or the metric that it is made of, knows what `sample_weight` is."""
    if scorer is None:
        return False
    metric = getattr(scorer, "_score_func", scorer)
    return "sample_weight" in inspect.signature(metric).parameters


def nameless(estimator: Any) -> Any:
    """The same estimator, that does not ask for a frame with the names of the columns."""
    twin = copy.copy(estimator)
    vars(twin).pop("feature_names_in_", None)
    return twin
