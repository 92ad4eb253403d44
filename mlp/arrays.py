"""Arrays at the door: one alias, one set of checks, and buffers that are allocated once.

Rows are samples everywhere. The shape letters of the package are n samples, i inputs and
o units; a weight matrix is therefore (i, o) and a layer computes ``X @ W + b``.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.errors import ArgumentError

Array = NDArray[Any]
LEAD, ALIGNED = 256, 64  # bytes; see `buffer`
DOT = (
    8192  # numbers: of longer vectors BLAS takes the product with threads, which disturb those of a training
)
FLOATS: tuple[np.dtype[Any], ...] = (np.dtype(np.float32), np.dtype(np.float64))


def is_finite(array: Array) -> bool:
    """Whether no element is NaN or infinite, in one pass and without a temporary array.

    The sum of squares is finite only if every element is; where it overflows, the
    elements are looked at one by one.
    """
    flat = array.reshape(-1)
    if flat.size <= DOT:
        return math.isfinite(np.vdot(flat, flat)) or bool(np.isfinite(flat).all())
    return all(is_finite(flat[start : start + DOT]) for start in range(0, flat.size, DOT))


def as_numbers(value: Any, dtype: np.dtype[Any], name: str) -> Array:
    """Turn what the user gave into a C-contiguous array of that float type, of whatever shape.

    Raises
    ------
    ArgumentError
        If it does not consist of real numbers: text, dates, complex numbers, rows of different
        lengths, a sparse matrix, masked elements. What is too large for the type becomes infinite.
    """
    if type(value) is np.ndarray and value.dtype == dtype:
        return np.ascontiguousarray(value)
    if value is None or hasattr(value, "toarray"):
        hint = f": give {name}.toarray()" if value is not None else ""
        raise ArgumentError(f"{name} must be an array of numbers; got {type(value).__name__}{hint}")
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "biufO":
            raise TypeError(f"its elements are of type {array.dtype}")
        texts = (
            [item for item in array.flat if isinstance(item, str | bytes)] if array.dtype == object else []
        )
        if texts:
            raise TypeError(f"it has text among its elements, such as {texts[0]!r}")
        with np.errstate(over="ignore"):
            numbers = np.ascontiguousarray(array, dtype=dtype)
    except (TypeError, ValueError, OverflowError) as error:
        reason = "its rows have different lengths" if "inhomogeneous" in str(error) else error
        raise ArgumentError(f"{name} must be an array of numbers: {reason}") from error
    if isinstance(value, np.ndarray) and np.any(getattr(value, "mask", False)):
        raise ArgumentError(f"{name} has masked elements; fill them or remove such rows first")
    return numbers


def as_floats(value: Any, name: str) -> Array:
    """An array of the same shape: as it is if it is float32 or float64, else turned into float64.

    Raises
    ------
    ArgumentError
        As `as_numbers`.
    """
    dtype = getattr(value, "dtype", FLOATS[1])
    dtype = dtype if dtype in FLOATS else FLOATS[1]
    if type(value) is np.ndarray and value.dtype == dtype:
        return value
    return as_numbers(value, dtype, name).reshape(np.shape(value))


def as_labels(y: Any, classes: int, name: str) -> Array:
    """Turn what the user gave into integer labels from 0 to `classes` − 1, shape (n,).

    Raises
    ------
    ArgumentError
        If something is not a whole number or not one of these classes.
    """
    try:
        numbers = as_numbers(y, np.dtype(np.float64), name).reshape(-1)
    except ArgumentError as error:
        raise ArgumentError(f"{name} must be integer labels 0 … {classes - 1}: {error}") from error
    right = (numbers >= 0) & (numbers < classes) & (np.floor(numbers) == numbers)
    if not right.all():
        row = int(right.argmin())
        raise ArgumentError(
            f"{name} must hold labels from 0 to {classes - 1}, one for each of {classes} outputs; "
            f"row {row} is {np.asarray(y).reshape(-1)[row]}"
        )
    return numbers.astype(np.intp)


def as_inputs(X: Any, dtype: np.dtype[Any], name: str = "x", finite: bool = False) -> Array:
    """Turn what the user gave into a C-contiguous float array of rank two or more.

    Parameters
    ----------
    X : array-like of shape (n, ...)
        Rows are samples. Frames are taken by their values.
    dtype : numpy.dtype
        The floating type of the model.
    name : str
        How the argument is called in an error.
    finite : bool, default False
        Whether it is known already that all elements are finite.

    Raises
    ------
    ArgumentError
        If it is not numeric, has a rank below two, no rows, or NaN or infinite elements.
    """
    array = as_numbers(X, dtype, name)
    if array.ndim < 2:
        own = name.rpartition(": ")[2]  # without the place that it comes from
        raise ArgumentError(
            f"{name} must have one row a sample, so at least two axes; its shape is {array.shape}. "
            f"Use {own}.reshape(-1, 1) for one feature or {own}.reshape(1, -1) for one sample."
        )
    if not len(array):
        raise ArgumentError(f"{name} has no rows: its shape is {array.shape}")
    if not finite:
        require_finite(array, name)
    return array


def require_finite(array: Array, name: str) -> None:
    """Raise an `ArgumentError` that says where the first NaN or infinity stands."""
    if not is_finite(array):
        place = tuple(int(k) for k in np.argwhere(~np.isfinite(array))[0])
        limit = f" ({array.dtype} holds numbers up to {np.finfo(array.dtype).max:.2g}.)"
        raise ArgumentError(
            f"{name} must be finite, but {name.rpartition(': ')[2]}[{', '.join(map(str, place))}] is "
            f"{array[place]}. "
            f"Remove or impute such rows first.{limit if np.isinf(array[place]) else ''}"
        )


def as_weights(
    weight: Any, rows: int, dtype: np.dtype[Any], name: str = "sample_weight", some: bool = True
) -> Array:
    """Check weights of samples: shape (n,), finite, not negative, and with `some` not all zero."""
    array = as_numbers(weight, dtype, name)
    array = array[:, 0] if array.shape == (rows, 1) else array
    if array.shape != (rows,):
        raise ArgumentError(f"{name} must have shape ({rows},), one weight a row; got {np.shape(weight)}")
    require_finite(array, name)
    if array.min() < 0:
        row = int(array.argmin())
        raise ArgumentError(f"{name} must not be negative; row {row} has {array[row]}")
    if some and not array.any():
        raise ArgumentError(f"{name} must not be zero for every row: nothing would be learned")
    return array


def fill(targets: Sequence[Array], values: Any, name: str = "weights") -> None:
    """Copy values into arrays of the same shapes; into all of them or, where something is wrong, none.

    Parameters
    ----------
    targets : sequence of Array
    values : iterable of array-like
    name : str
        How they are called in an error.

    Raises
    ------
    ArgumentError
        If the number or a shape differs, or a value is not a finite number.
    """
    shapes = [target.shape for target in targets]
    found = [shape_of(value) for value in values] if np.iterable(values) else values
    if not np.iterable(values) or len(found) != len(shapes) or any(map(_differ, found, shapes)):
        asked = "set_weights()" if name == "weights" else name
        raise ArgumentError(f"{asked} expected arrays of the shapes {shapes}; got {found}")
    arrays = [
        as_numbers(value, target.dtype, f"{name}[{k}]")
        for k, (value, target) in enumerate(zip(values, targets, strict=True))
    ]
    for k, array in enumerate(arrays):
        require_finite(array, f"{name}[{k}]")
    for target, array in zip(targets, arrays, strict=True):
        target[...] = array


def shape_of(value: Any) -> tuple[int, ...] | None:
    """The shape of an array-like, or None if its rows have different lengths."""
    try:
        return tuple(np.shape(value))
    except ValueError:  # rows of different lengths, which `as_numbers` will say better
        return None


def _differ(found: tuple[int, ...] | None, expected: tuple[int, ...]) -> bool:
    return found is not None and found != expected


def buffer(shape: Sequence[int], dtype: Any) -> Array:
    """Zeros of that shape, from a multiple of 64 bytes on and behind 256 bytes that nobody uses.

    Both make bits the same wherever memory lies. A product of BLAS may add up in another order where rows
    begin elsewhere, and so does a compiled loop that writes here where what it reads begins up to 256
    bytes, four vectors, before.
    """
    dtype, count = np.dtype(dtype), math.prod(shape)
    memory = np.zeros(count * dtype.itemsize + LEAD + ALIGNED, np.uint8)
    start = LEAD + -(memory.ctypes.data + LEAD) % ALIGNED
    numbers: Array = memory[start : start + count * dtype.itemsize].view(dtype)
    return numbers.reshape(shape)


class Mask(tuple[int, ...]):
    """The shape of a row of a boolean buffer; a plain tuple is that of one of floats."""


class Workspace:
    """Buffers that are allocated once, at the largest batch seen, and lent out as slices.

    The shorter last batch of an epoch gets the first rows of the same memory, so the
    steady state of training allocates nothing.

    Examples
    --------
    >>> workspace = Workspace()
    >>> whole = workspace.lend(4, {"net": (3,)}, np.dtype("float32"))["net"]
    >>> part = workspace.lend(2, {"net": (3,)}, np.dtype("float32"))["net"]
    >>> part.shape, np.shares_memory(part, whole)
    ((2, 3), True)
    """

    def __init__(self) -> None:
        self.capacity = -1
        self.buffers: dict[str, Array] = {}
        self.lent: dict[int, dict[str, Array]] = {}

    def lend(
        self, rows: int, shapes: Mapping[str, tuple[int, ...]], dtype: np.dtype[Any]
    ) -> dict[str, Array]:
        """Buffers of shape (rows, *shape) for every name in `shapes`."""
        if rows > self.capacity:
            self.capacity, self.lent = rows, {}
            self.buffers = {
                name: buffer((rows, *shape), np.bool_ if isinstance(shape, Mask) else dtype)
                for name, shape in shapes.items()
            }
        if rows not in self.lent:
            if len(self.lent) > 8:  # a stream of ever new batch sizes must not pile up views
                self.lent = {}
            self.lent[rows] = {name: buffer[:rows] for name, buffer in self.buffers.items()}
        return self.lent[rows]

    def __deepcopy__(self, memo: dict[int, Any]) -> "Workspace":
        return Workspace()

    def __reduce__(self) -> tuple[type["Workspace"], tuple[()]]:
        return Workspace, ()
