"""What the settings of an optimizer may be, and which parameters a factor means."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mlp.naming import is_integer, require

_REAL = (int, float, np.integer, np.floating)
KERAS_WORDS = {"kernel": "W", "bias": "b"}


def is_number(value: Any) -> bool:
    """Whether it is a real number of Python or NumPy; True and False are none."""
    return type(value) is float or (isinstance(value, _REAL) and not isinstance(value, bool))


def is_rate(value: Any) -> bool:
    """Whether it is a number that can be a step size."""
    return is_number(value) and 0 <= value < math.inf


def require_count(argument: str, value: Any, least: int) -> None:
    """Raise an `ArgumentError` unless it is None or an integer of at least `least`."""
    right = value is None or (is_integer(value) and value >= least)
    require(right, argument, value, f"an integer of at least {least}, or None")


def require_decay(argument: str, value: Any) -> None:
    """Raise an `ArgumentError` unless it is None or a number of at least 0."""
    require(value is None or is_rate(value), argument, value, "at least 0")


def require_clipping(**limits: float | None) -> None:
    """Raise an `ArgumentError` unless at most one limit is given, and that is positive."""
    for name, limit in limits.items():
        require(limit is None or (is_number(limit) and limit > 0), name, limit, "positive")
    given = [name for name, limit in limits.items() if limit is not None]
    require(len(given) < 2, "clipping", given, "of one kind: clipnorm, clipvalue or global_clipnorm")


def as_factors(argument: str, factors: Any) -> dict[str, float] | None:
    """Factors of parameters as plain data; an `ArgumentError` if they are not numbers by names."""
    if factors is None:
        return None
    right = isinstance(factors, Mapping) and all(
        isinstance(name, str) and name and is_rate(factor) for name, factor in factors.items()
    )
    require(right, argument, factors, "numbers of at least 0 by names of parameters, such as {'bias': 0}")
    return {name: float(factor) for name, factor in factors.items()}


def require_fitting(argument: str, patterns: Iterable[str] | None, names: Sequence[str]) -> None:
    """Raise an `ArgumentError` if one of some names fits no parameter."""
    for pattern in patterns or ():
        right = any(fits(pattern, name) for name in names)
        require(right, f"each name in {argument}", pattern, f"one of, or a part of, {', '.join(names)}")


def fits(pattern: str, name: str) -> bool:
    """Whether it is all of a parameter's name, or whole parts of it; Keras's words stand for ours."""
    words = [KERAS_WORDS.get(word, word) for word in pattern.replace("/", ".").split(".")]
    return f".{'.'.join(words)}." in f".{name}."


def factor_of(factors: Mapping[str, float] | None, name: str) -> float:
    """The product of the factors whose names fit a parameter: all of its name, or parts of it.

    Examples
    --------
    >>> factors = {"bias": 2, "dense_1": 0.1, "dense_1.W": 0.5}
    >>> [factor_of(factors, name) for name in ("dense.W", "dense.b", "dense_1.W")]
    [1.0, 2.0, 0.05]
    """
    product = 1.0
    for pattern, factor in (factors or {}).items():
        if fits(pattern, name):
            product *= factor
    return product
