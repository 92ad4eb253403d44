"""Small helpers with Keras's names."""

from typing import Any

import numpy as np

from mlp.arrays import Array, as_numbers
from mlp.errors import ArgumentError


def to_categorical(x: Any, num_classes: int | None = None) -> Array:
    """Integer labels as one-hot rows.

    Parameters
    ----------
    x : array-like of int, shape (n,) or (n, 1)
        Labels from 0.
    num_classes : int, optional
        Number of columns; by default one more than the largest label.

    Returns
    -------
    Array of shape (n, num_classes), float32

    Examples
    --------
    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    given = as_numbers(x, np.dtype(np.float64), "labels").reshape(-1)
    finite = given.size > 0 and np.isfinite(given).all()
    classes = (int(given.max()) + 1 if finite else 1) if num_classes is None else num_classes
    if not finite or (given % 1).any() or given.min() < 0 or given.max() >= classes:
        found = f"{np.min(x)} to {np.max(x)}" if given.size else "none"
        raise ArgumentError(f"labels must be integers from 0 to {classes - 1}; got {found}")
    return np.eye(classes, dtype=np.float32)[given.astype(np.intp)]
