"""Small helpers with Keras's names."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mlp.arrays import Array, as_numbers
from mlp.data.sequences import PyDataset
from mlp.drawing import plot_model
from mlp.errors import ArgumentError
from mlp.naming import CATALOGUES, is_integer, require, require_bool
from mlp.randomness import check_seed, new_generator, seed_all
from mlp.saving import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)


def to_categorical(x: Any, num_classes: int | None = None) -> Array:
    """Integer labels as one-hot rows.

    Parameters
    ----------
    x : array-like of int, shape (n,), (n, 1) or (n, m)
        Labels from 0.
    num_classes : int, optional
        Number of columns; by default one more than the largest label.

    Returns
    -------
    Array of shape (n, num_classes), or (n, m, num_classes), float32
        In Keras float64.

    Examples
    --------
    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    valid = num_classes is None or (is_integer(num_classes) and num_classes > 0)
    require(valid, "num_classes", num_classes, "a positive integer")
    given = as_numbers(x, np.dtype(np.float64), "labels")
    shape = given.shape[:-1] if given.ndim > 1 and given.shape[-1] == 1 else given.shape
    finite = given.size > 0 and np.isfinite(given).all()
    classes = (int(given.max()) + 1 if finite else 1) if num_classes is None else int(num_classes)
    if not finite or (given % 1).any() or given.min() < 0 or given.max() >= classes:
        found = f"{np.min(x)} to {np.max(x)}" if given.size else "none"
        raise ArgumentError(f"labels must be integers from 0 to {classes - 1}; got {found}")
    one_hot = np.zeros((given.size, classes), np.float32)
    one_hot[np.arange(given.size), given.reshape(-1).astype(np.intp)] = 1
    return one_hot.reshape(*np.shape(x)[: len(shape)], classes)


def normalize(x: Any, axis: int = -1, order: float = 2) -> Array:
    """Vectors along `axis`, each divided by its norm; zeros stay.

    Parameters
    ----------
    x : array-like
    axis : int, default -1
        Keras turns 0 into -1; here 0 normalizes columns.
    order : float in (0, inf], default 2
        Of the norm: 1 for sums of |x|, 2 for lengths, inf for the largest |x|.

    Returns
    -------
    Array of x's shape, float32 for float32, else float64

    Examples
    --------
    >>> normalize([[3, 4], [0, 0]])
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    dtype = np.dtype(np.float32 if getattr(x, "dtype", None) == np.float32 else np.float64)
    array = np.atleast_1d(as_numbers(x, dtype, "x"))
    fits = is_integer(axis) and -array.ndim <= axis < array.ndim
    require(fits, "axis", axis, f"an axis of x, whose shape is {array.shape}")
    number = isinstance(order, int | float) and not isinstance(order, bool)
    require(number and order > 0, "order", order, "a number above 0, or infinity")
    largest = np.abs(array).max(axis=axis, keepdims=True, initial=0)
    largest[largest == 0] = 1
    array = array / largest  # so that no power overflows
    norms = np.linalg.norm(array, order, axis, keepdims=True)
    norms[norms == 0] = 1
    unit: Array = array / norms
    return unit


def set_random_seed(seed: int) -> None:
    """Seed Python's `random`, NumPy's global generator and all generators that mlp makes from now on.

    Models and layers made afterwards without a seed of their own get generators that follow
    from this one, in the order in which they are made: a script that begins with it gives the
    same bits each time.

    Parameters
    ----------
    seed : int in [0, 2³²)

    Examples
    --------
    >>> import mlp
    >>> state = random.getstate(), np.random.get_state()
    >>> def weights():
    ...     set_random_seed(812)
    ...     return mlp.randomness.new_generator().standard_normal(3)
    >>> bool((weights() == weights()).all())
    True
    >>> random.setstate(state[0]); np.random.set_state(state[1]); mlp.randomness.seed_all(None)
    """
    fits = is_integer(seed) and 0 <= seed < 2**32
    require(fits, "seed", seed, "an integer from 0 to 2**32 - 1")
    random.seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002 - a script may use it
    seed_all(int(seed))


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
) -> tuple[Any, Any]:
    """Part the rows of arrays: the first ones to the left, the last ones to the right.

    Parameters
    ----------
    dataset : array, frame, sparse matrix, or tuple, list or dict of them
        All of the same length. Tuples and dicts may hold others.
    left_size, right_size : float in (0, 1) or int, optional
        A share of the rows or their number; one of them suffices.
    shuffle : bool, default False
        Draw a random order of rows first. Without it the parts are views.
    seed : int, optional
        Of that order.

    Returns
    -------
    left, right
        Of the same structure; a list becomes a tuple. In Keras these are `tf.data.Dataset`s.

    Examples
    --------
    >>> X, y = np.arange(10).reshape(5, 2), np.arange(5)
    >>> (X_left, y_left), (X_right, y_right) = split_dataset((X, y), left_size=0.6)
    >>> y_left, y_right
    (array([0, 1, 2]), array([3, 4]))
    """
    require_bool("shuffle", shuffle)
    check_seed(seed)
    lengths = [np.shape(leaf)[0] for leaf in _leaves(dataset)]
    rows = lengths[0] if lengths else 0
    require(len(set(lengths)) == 1 and rows > 1, "dataset", lengths, "arrays of one length of at least 2")
    left, right = _sizes(left_size, right_size, rows)
    if not shuffle:
        return _part(dataset, slice(left)), _part(dataset, slice(rows - right, rows))
    order = new_generator(seed).permutation(rows)
    return _part(dataset, order[:left]), _part(dataset, order[rows - right :])


def _sizes(left_size: Any, right_size: Any, rows: int) -> tuple[int, int]:
    """The numbers of rows of both parts."""
    require(left_size is not None or right_size is not None, "left_size", None, "given, or right_size")
    counts = []
    for name, size in (("left_size", left_size), ("right_size", right_size)):
        whole = is_integer(size) and bool(0 < size < rows)
        share = isinstance(size, float | np.floating) and bool(0 < size < 1)
        expected = f"a share in (0, 1) or an integer from 1 to {rows - 1}"
        require(size is None or whole or share, name, size, expected)
        counts.append(round(float(size) * rows) if share else size)
    left, right = counts
    shares = isinstance(left_size, float) and isinstance(right_size, float)
    if shares and abs(left_size + right_size - 1) < 1e-9:
        right = rows - left  # also where both were rounded up
    left = rows - right if left is None else left
    right = rows - left if right is None else right
    both = f"at least one row for each of both parts and together at most {rows}"
    require(left > 0 and right > 0 and left + right <= rows, "left_size and right_size", (left, right), both)
    return int(left), int(right)


def _leaves(dataset: Any) -> Iterator[Any]:
    """The arrays of a structure."""
    if isinstance(dataset, Mapping | tuple | list):
        for item in dataset.values() if isinstance(dataset, Mapping) else dataset:
            yield from _leaves(item)
        return
    shape = np.shape(dataset)
    require(len(shape) > 0, "dataset", dataset, "an array with rows, or a tuple, list or dict of such")
    yield dataset


def _part(dataset: Any, rows: Any) -> Any:
    """The same structure, with some of the rows."""
    if isinstance(dataset, Mapping):
        return {name: _part(item, rows) for name, item in dataset.items()}
    if isinstance(dataset, tuple | list):
        return tuple(_part(item, rows) for item in dataset)
    if hasattr(dataset, "iloc"):
        return dataset.iloc[rows]
    return dataset.tocsr()[rows] if hasattr(dataset, "tocsr") else np.asarray(dataset)[rows]


def names(kind: str) -> list[str]:
    """All names by which a part can be given: those built in, their aliases and those registered.

    Parameters
    ----------
    kind : str
        "activation", "loss", "optimizer", "metric", "layer", "initializer", "regularizer" ...

    Examples
    --------
    >>> names("constraint")
    ['max_norm', 'min_max_norm', 'non_neg', 'unit_norm']
    """
    kinds = ", ".join(sorted(CATALOGUES))
    require(isinstance(kind, str) and kind in CATALOGUES, "kind", kind, f"one of {kinds}")
    found: list[str] = CATALOGUES[kind].names()
    return found


Sequence = PyDataset  # its older name

__all__ = [
    "CustomObjectScope",
    "PyDataset",
    "Sequence",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "names",
    "normalize",
    "plot_model",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "to_categorical",
]
