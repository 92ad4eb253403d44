"""What a classifier gets wrong, and whether its probabilities can be believed."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.errors import ArgumentError, NotReadyError
from mlp.evaluation import require_compiled
from mlp.inspection.network import network_of
from mlp.metrics.calibration import ExpectedCalibrationError
from mlp.naming import is_integer, require, require_one_of
from mlp.plots import style
from mlp.plots.responses import answered as answered_by

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mlp.arrays import Array

MOST_NUMBERED = 25  # classes up to which the cells have their numbers


def confusion_matrix(
    model: Any,
    X: Any,
    y: Any,
    classes: Any = None,
    ax: Axes | None = None,
    normalize: str | None = None,
) -> Axes:
    """How many rows of each class (down) were taken for which class (across), by scikit-learn's display.

    Parameters
    ----------
    model : Sequential or fitted classifier
        An estimator may be of any library, or a pipeline.
    X : array-like of shape (n, ...)
    y : array-like of shape (n,) or (n, k)
        The right classes as `fit` takes them: labels; for a `Sequential` also their numbers or one-hot rows.
    classes : list of str, optional
        What the classes are called; by default the labels or the numbers.
    ax : Axes, optional
        By default those of a new figure.
    normalize : {None, "true", "pred", "all"}, default None
        Numbers of rows; or shares of the rows of each class, of each answer, or of all.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        If the model does not tell classes apart, or y or `classes` do not fit it.
    NotReadyError
        If the model is not compiled, built or fitted.
    MissingPackageError
        If matplotlib is not installed.

    Warns
    -----
    UserWarning
        If there are too many classes for numbers in the cells.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, "sigmoid", input_shape=(1,))])
    >>> model.compile("sgd", "binary_crossentropy")
    >>> model.set_weights([[[1.0]], [0.0]])
    >>> ax = mlp.plots.confusion_matrix(model, [[-2.0], [-1.0], [1.0], [2.0]], [0, 1, 1, 1], ["no", "yes"])
    >>> [text.get_text() for text in ax.texts], ax.get_title()
    (['1', '0', '1', '2'], '75.0% of 4 rows right')
    """
    require_one_of("normalize", normalize, (None, "true", "pred", "all"))
    labels, right, answered, _ = _judged(model, X, y)
    names = style.names_of(labels if classes is None else classes, len(labels), "classes", "")
    style.pyplot()
    from sklearn.metrics import ConfusionMatrixDisplay

    count = len(names)
    width = min(1.6 + 0.45 * max(count, 5), 14)
    ax = style.axes(ax, figsize=(width, width))
    numbered = count <= MOST_NUMBERED
    if not numbered:
        warnings.warn(
            f"the cells of {count} classes are too small for numbers and show colours only; for numbers draw "
            "the rows of some of the classes",
            stacklevel=2,
        )
    display = ConfusionMatrixDisplay.from_predictions(
        right, answered, labels=np.arange(count), display_labels=names, normalize=normalize, ax=ax,
        cmap=style.SEQUENTIAL, colorbar=not numbered, include_values=numbered,
        values_format="d" if normalize is None else ".0%",
        xticks_rotation="vertical" if max(map(len, names)) > 3 and count > 5 else "horizontal",
        text_kw={"fontsize": "small"} if count > 12 else None,
    )  # fmt: skip
    if not numbered:
        _thin_out(ax, names, display.im_.colorbar, normalize is None)
    for text in ax.texts:  # what is not there is not to be seen first
        if text.get_text() in ("0", "0%"):
            text.set_color(style.FAINT)
    ax.set_xlabel("answer of the model")
    ax.set_ylabel("right class")
    ax.set_title(
        f"{np.mean(right == answered):.1%} of {len(right):,} rows right", fontsize="medium", color=style.INK
    )
    ax.tick_params(colors=style.INK)
    return ax


def _thin_out(ax: Axes, names: list[str], bar: Any, whole: bool) -> None:
    """Name so many of the classes that their names do not touch; rows are counted in whole numbers."""
    from matplotlib.ticker import MaxNLocator

    places = range(0, len(names), -(-len(names) // MOST_NUMBERED))
    ax.set_xticks(places, [names[k] for k in places])
    ax.set_yticks(places, [names[k] for k in places])
    bar.locator = MaxNLocator(6, integer=whole)
    bar.update_ticks()


def calibration(
    model: Any, X: Any, y: Any, ax: Axes | None = None, bins: int = 10, strategy: str = "uniform"
) -> Axes:
    """How often what the model gives a probability comes true, by scikit-learn's display.

    Parameters
    ----------
    model, X, y : as in `confusion_matrix`
        The model gives probabilities.
    ax : Axes, optional
        By default those of a new figure.
    bins : int of at least 2, default 10
        Ranges of the probability.
    strategy : {"uniform", "quantile"}, default "uniform"
        Whether they have the same width, or the same number of rows: good for a model that is nearly always
        sure.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        If the model gives no probabilities, or y does not fit it.
    NotReadyError
        If the model is not compiled, built or fitted.
    MissingPackageError
        If matplotlib is not installed.

    Notes
    -----
    Of two classes it is the probability of the second, and how often it is the right one. Of more it is
    that of the predicted class, the largest, and how often the prediction is right. The bars at the bottom
    say where the rows are. The legend has the expected calibration error
    (`metrics.ExpectedCalibrationError`): 0 if all lies on the diagonal.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, "sigmoid", input_shape=(1,))])
    >>> model.compile("sgd", "binary_crossentropy")
    >>> model.set_weights([[[1.0]], [0.0]])
    >>> ax = mlp.plots.calibration(model, [[-2.0], [-1.0], [1.0], [2.0]], [0, 0, 0, 1], bins=2)
    >>> ax.get_xlabel()
    'probability of class 1'
    """
    require(is_integer(bins) and bins >= 2, "bins", bins, "an integer of at least 2")
    require_one_of("strategy", strategy, ("uniform", "quantile"))
    labels, right, answered, probabilities = _judged(model, X, y, True)
    assert probabilities is not None
    if len(labels) == 2:
        share, event = probabilities[:, 1], right == 1
        axis, what = f"probability of class {labels[1]}", f"share of rows of class {labels[1]}"
    else:
        share, event = probabilities.max(axis=1), right == answered
        axis, what = "probability of the predicted class", "share of right predictions"
    share = np.clip(share.astype(np.float64), 0.0, 1.0)
    error = ExpectedCalibrationError(bins)(event.astype(int)[:, None], share[:, None])
    style.pyplot()
    from sklearn.calibration import CalibrationDisplay

    ax = style.axes(ax, figsize=(5.4, 5.0))
    CalibrationDisplay.from_predictions(
        event.astype(int), share, n_bins=int(bins), strategy=strategy, pos_label=1, ax=ax,
        color=style.BLUE, marker="o", name=f"model (calibration error {error:.3f})",
    )  # fmt: skip
    counts, edges = np.histogram(share, int(bins), (0.0, 1.0))
    ax.bar(
        edges[:-1], 0.15 * counts / counts.max(), width=np.diff(edges), align="edge", color=style.FAINT,
        edgecolor="white", zorder=1, label=f"where the rows are (highest bar: {counts.max():,})",
    )  # fmt: skip
    ax.set_xlabel(axis)
    ax.set_ylabel(what)
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.02)
    style.tidy(ax)
    style.legend(ax, loc="lower left", bbox_to_anchor=(0, 1.01), borderaxespad=0)
    return ax


def _judged(model: Any, X: Any, y: Any, probable: bool = False) -> tuple[Any, Array, Array, Array | None]:
    """Labels; the numbers of the right classes and of the answers; probabilities, if they are asked for."""
    own = hasattr(model, "layers") and not hasattr(model, "get_params")
    return (_judged_network if own else _judged_estimator)(model, X, y, probable)


def _judged_network(model: Any, X: Any, y: Any, probable: bool) -> tuple[Any, Array, Array, Array | None]:
    from mlp.estimators import answers  # which loads scikit-learn

    network = network_of(model)
    require_compiled(network)
    loss, activation = network.loss, network.layers[-1].activation
    out = answered_by(network.predict(X), whole=True)
    units = out.shape[1]
    right = _numbers_of(y, max(units, 2), len(out))
    answered = (
        out.argmax(axis=1) if units > 1 else (out[:, 0] > answers.threshold(loss, activation)).astype(int)
    )
    if not probable:
        return np.arange(max(units, 2)), right, answered, None
    if not answers.are_probabilities(loss, activation):
        raise ArgumentError(
            f"the model gives no probabilities: it ends with {type(activation).__name__} and is trained by "
            f"{type(loss).__name__}. End it with activation='sigmoid' or 'softmax' and take a cross-entropy"
        )
    found: Array = answers.probabilities(loss, activation, out.copy(), False)
    return np.arange(max(units, 2)), right, answered, found


def _numbers_of(y: Any, count: int, rows: int) -> Array:
    """The numbers of the right classes, from numbers, one-hot rows, or −1 and 1."""
    T = np.asarray(y)
    T = np.array(T.tolist()) if T.dtype == object else T
    hint = "numbers of classes or one-hot rows, as the model is fitted with"
    require(T.dtype.kind in "biuf", "y", T.dtype, hint)
    hint = f"of shape ({rows},), ({rows}, 1) or ({rows}, {count})"
    require(T.ndim in (1, 2) and len(T) == rows, "y", T.shape, hint)
    if T.ndim == 2 and T.shape[1] > 1:
        one_hot = T.shape[1] == count and bool(((T == 0) | (T == 1)).all() and (T.sum(axis=1) == 1).all())
        hint = f"one-hot rows of {count} classes; where several can be right, draw one column at a time"
        require(one_hot, "y", T.shape, hint)
        found: Array = T.argmax(axis=1)
        return found
    T = T.ravel().astype(np.float64)
    if count == 2 and np.isin(T, (-1, 1)).all():
        T = (T > 0).astype(np.float64)
    whole = bool((np.floor(T) == T).all()) and bool(((T >= 0) & (count > T)).all())
    hint = f"numbers of classes from 0 to {count - 1}; a regression has no classes"
    require(whole, "y", T[:5].tolist(), hint)
    return T.astype(np.intp)


def _judged_estimator(model: Any, X: Any, y: Any, probable: bool) -> tuple[Any, Array, Array, Array | None]:
    from sklearn.base import is_classifier

    if not (hasattr(model, "predict") and is_classifier(model)):
        raise ArgumentError(f"model must be a Sequential or a classifier; got {type(model).__name__}")
    if not hasattr(model, "classes_"):
        raise NotReadyError(f"{type(model).__name__} is not fitted yet: call fit() first")
    labels, T, answered = model.classes_, np.asarray(y), np.asarray(model.predict(X))
    single = isinstance(labels, np.ndarray) and answered.ndim == 1
    hint = "a classifier with one class a row; draw one column of several at a time"
    require(single, "model", type(model).__name__, hint)
    T = T.ravel() if T.ndim == 2 and T.shape[1] == 1 else T
    hint = f"of shape {answered.shape}, one class for each row of X"
    require(T.shape == answered.shape, "y", T.shape, hint)
    known = np.isin(T, labels)
    require(bool(known.all()), "y", T[~known][:1].tolist(), f"of the classes of the model, {labels.tolist()}")
    numbers, answer_numbers = (labels.searchsorted(one) for one in (T, answered))
    if not probable:
        return labels, numbers, answer_numbers, None
    if not hasattr(model, "predict_proba"):
        raise ArgumentError(f"{type(model).__name__} gives no probabilities: it has no predict_proba")
    return labels, numbers, answer_numbers, np.asarray(model.predict_proba(X))
