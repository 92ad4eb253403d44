"""A user's y before anything is learned of it: are these labels, are these numbers, and if not, what else."""

import numbers
import reprlib
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.tabular.columns import MISSING_TYPES


def check_labels(y: Any) -> None:
    """Raise a `ValueError` unless these are labels of one type, and one for each row.

    Parameters
    ----------
    y : array-like or sparse matrix
    """
    if hasattr(y, "toarray"):
        return
    values = np.asarray(y, dtype=object if isinstance(y, list | tuple) else None)
    if values.dtype.kind in "biuUSV" or not values.ndim:
        return
    if values.dtype.kind == "f" and np.isinf(values).any():
        raise ValueError(f"Input y contains infinity or a value too large for {values.dtype!r}.")
    missing = np.array([_is_missing(value) for value in values.ravel()], bool).reshape(values.shape)
    rows = np.flatnonzero(missing.reshape(len(values), -1).any(axis=1))
    if len(rows):
        raise ValueError(
            f"Input y contains NaN or None: {len(rows)} of {len(values)} rows have no class, the first is "
            f"row {rows[0]}; leave these rows out"
        )
    for value in values.ravel():
        _require_real(value)
    texts = [isinstance(value, str) for value in values.ravel()] if values.dtype.kind == "O" else []
    if any(texts) and not all(texts):
        text, other = values.ravel()[texts.index(True)], values.ravel()[texts.index(False)]
        raise ValueError(f"y has texts and others, {text!r} and {other!r}: make all of its classes texts")


def numbers_of(y: Any) -> Array:
    """The numbers of y as float64, NaN where one is not known.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, o)

    Raises
    ------
    ArgumentError
        If it holds dates, texts that are no numbers, complex numbers or other objects.
    ValueError
        If it is empty, infinite or of another shape; in scikit-learn's words.

    Examples
    --------
    >>> numbers_of([1, 2.5, None])
    array([1. , 2.5, nan])
    """
    kind = getattr(getattr(y, "dtype", None), "kind", "")
    if kind and kind in "mM":
        raise ArgumentError(f"y holds {'dates' if kind == 'M' else 'durations'}; make numbers of them first")
    try:
        values: Array = check_array(
            y, ensure_2d=False, dtype=np.float64, ensure_all_finite="allow-nan", input_name="y"
        )
    except (TypeError, ValueError):
        for value in np.asarray(y, dtype=object).ravel():
            _require_number(value)
        raise
    return values


def _require_number(value: Any) -> None:
    _require_real(value)
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        kind = "the text " if isinstance(value, str | bytes) else ""
        raise ArgumentError(
            f"y should hold numbers, but has {kind}{reprlib.repr(value)}; for classes there is "
            "TabularClassifier, and for a number that is not known NaN"
        ) from None


def _require_real(value: Any) -> None:
    if isinstance(value, numbers.Complex) and not isinstance(value, numbers.Real):
        raise ArgumentError(
            f"Complex data not supported: y has {complex(value)!r}; give real and imaginary parts as numbers"
        )


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in MISSING_TYPES:
        return True
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    return isinstance(value, float | np.floating) and bool(value != value)
