"""Nested data as plain data and arrays, and the way back: what a callback or a generator must know again."""

import math
import re
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError, ModelFileError
from mlp.files import reason

KINDS = "biufcmM"  # of numbers in NumPy: truth values, whole numbers, floats, complex numbers, times
TYPES = {
    "bool": "BOOL",
    **{f"{kind}{bits}": f"{kind[0].upper()}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"F{bits}" for bits in (16, 32, 64)},
}  # those that safetensors has, and its names for them


def pack(tree: Any, prefix: str = "") -> tuple[Any, dict[str, Array]]:
    """Nested data as plain JSON data and named arrays, from which `unpack` makes them again, to the bit.

    Tuples come back as tuples, numbers of NumPy as numbers of NumPy of the same type, dicts with keys
    in the same order. Subclasses of dict, list, tuple, int, float and str come back as these.

    Parameters
    ----------
    tree : None, bool, int, float, str, a number or an array of NumPy, or a list, a tuple or a dict of these
        NaN and infinity among the floats, and integers of any size.
    prefix : str, default ""
        What the names of the arrays begin with; a number follows.

    Returns
    -------
    plain, arrays
        What `json.dumps` takes, without NaN and infinity; and C-contiguous arrays, not copied if they
        were such before.

    Raises
    ------
    ArgumentError
        If there is anything else inside; the message says where.

    Examples
    --------
    >>> plain, arrays = pack({"best": float("inf"), "seen": (1, 2), "W": np.zeros(3)}, "state.")
    >>> plain
    {'best': {'$float': '7ff0000000000000'}, 'seen': {'$tuple': [1, 2]}, 'W': {'$array': 'state.0'}}
    >>> unpack(plain, arrays)
    {'best': inf, 'seen': (1, 2), 'W': array([0., 0., 0.])}
    """
    arrays: dict[str, Array] = {}
    try:
        return _packed(tree, prefix, arrays, "it"), arrays
    except RecursionError:
        raise ArgumentError("data to be kept must not be so deep, or contain themselves") from None


def _packed(value: Any, prefix: str, arrays: dict[str, Array], place: str) -> Any:
    if isinstance(value, np.generic | np.ndarray) and value.dtype.kind not in KINDS:
        raise ArgumentError(f"{place} is an array of {value.dtype}, which cannot be kept; numbers can")
    if isinstance(value, np.generic):
        return {"$number": [value.dtype.str, value.tobytes().hex()]}
    if isinstance(value, np.ndarray):
        return _packed_array(np.asarray(value), f"{prefix}{len(arrays)}", arrays)
    if isinstance(value, float):
        plain = math.isfinite(value)
        return float(value) if plain else {"$float": struct.pack(">d", value).hex()}
    if isinstance(value, dict):
        items = {key: _packed(item, prefix, arrays, f"{place}[{key!r}]") for key, item in value.items()}
        if all(isinstance(key, str) and not key.startswith("$") for key in items):
            return {str(key): item for key, item in items.items()}
        keys = [_packed(key, prefix, arrays, f"a key of {place}") for key in items]
        return {"$pairs": [list(pair) for pair in zip(keys, items.values(), strict=True)]}
    if isinstance(value, list | tuple):
        listed = [_packed(item, prefix, arrays, f"{place}[{k}]") for k, item in enumerate(value)]
        return listed if isinstance(value, list) else {"$tuple": listed}
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | str):
        return int(value) if isinstance(value, int) else str(value)
    raise ArgumentError(
        f"{place} is a {type(value).__name__}, which cannot be kept: None, numbers, text, arrays, "
        "and lists, tuples and dicts of them can"
    )


def _packed_array(array: Array, name: str, arrays: dict[str, Array]) -> dict[str, Any]:
    array = np.ascontiguousarray(array).reshape(array.shape)  # the first of which makes rank 0 rank 1
    if array.dtype.isnative and array.dtype.name in TYPES:
        arrays[name] = array
        return {"$array": name}
    arrays[name] = array.reshape(-1).view(np.uint8)
    return {"$array": name, "dtype": array.dtype.str, "shape": list(array.shape)}


def unpack(plain: Any, arrays: Mapping[str, Array]) -> Any:
    """The data that `pack` was given; arrays are copied.

    Raises
    ------
    ModelFileError
        If these are not data that `pack` has made, or an array is missing.
    """
    try:
        return _unpacked(plain, arrays)
    except (LookupError, TypeError, ValueError, RecursionError, struct.error) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else reason(error)
        raise ModelFileError(f"these are not data that were kept: {what}") from error


def _unpacked(plain: Any, arrays: Mapping[str, Array]) -> Any:
    if isinstance(plain, list):
        return [_unpacked(item, arrays) for item in plain]
    if not isinstance(plain, Mapping):
        return plain
    tags = [key for key in plain if key.startswith("$")]
    if not tags:
        return {key: _unpacked(item, arrays) for key, item in plain.items()}
    value = plain[tags[0]]
    if tags == ["$array"]:
        return _unpacked_array(plain, arrays[value])
    if tags == ["$number"]:
        dtype, digits = value
        return np.frombuffer(bytes.fromhex(digits), _dtype(dtype), 1)[0]
    if tags == ["$float"]:
        return struct.unpack(">d", bytes.fromhex(value))[0]
    if tags == ["$tuple"]:
        return tuple(_unpacked(item, arrays) for item in value)
    if tags == ["$pairs"]:
        return {_unpacked(key, arrays): _unpacked(item, arrays) for key, item in value}
    raise ValueError(f"{tags} is nothing that is written")


def _unpacked_array(plain: Mapping[str, Any], array: Array) -> Array:
    if "dtype" in plain:
        array = array.view(_dtype(plain["dtype"])).reshape(plain["shape"])
    if array.dtype == bool:  # of which a file may have other bytes than 0 and 1
        return np.not_equal(array.view(np.uint8), 0, out=np.empty(array.shape, bool))
    return array.copy()


def _dtype(name: str) -> np.dtype[Any]:
    dtype = np.dtype(name) if re.fullmatch(r"[<>|=]\w\d+(\[\w+\])?", name) else None
    if dtype is None or dtype.kind not in KINDS:
        raise ValueError(f"{name!r} is no type of numbers")
    return dtype
