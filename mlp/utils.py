"""Small helpers with Keras's names."""

from typing import Any

import numpy as np

from mlp.arrays import Array
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
    given = np.asarray(x).reshape(-1)
    labels = given.astype(np.intp)
    classes = int(labels.max()) + 1 if num_classes is None else num_classes
    if (labels != given).any() or labels.min() < 0 or labels.max() >= classes:
        raise ArgumentError(
            f"labels must be integers from 0 to {classes - 1}; got {given.min()} to {given.max()}"
        )
    return np.eye(classes, dtype=np.float32)[labels]
