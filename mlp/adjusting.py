"""Arguments of parts that may change while training: weight decay, dropout, label smoothing."""

from typing import Any

from mlp.naming import constructor_arguments, require_in

_KNOWN: dict[type, tuple[str, ...]] = {}


class Adjustable:
    """A number among the arguments of a part that may be set at any time, also while training.

    It is checked when it is set, and whoever computes with it reads it anew: nothing is compiled or made
    again for another value. Then the part's `adjusted` is called.

    Parameters
    ----------
    interval : str
        Where the number must be, as in `require_in`.
    optional : bool, default False
        Whether it may be None.

    Examples
    --------
    >>> from mlp.naming import Part
    >>> class Silence(Part):
    ...     rate = Adjustable("[0, 1)")
    >>> part = Silence()
    >>> part.rate = 0.25
    >>> part.rate = 1
    Traceback (most recent call last):
    mlp.errors.ArgumentError: rate must be a number in [0, 1); got 1
    >>> part.rate
    0.25
    """

    def __init__(self, interval: str, optional: bool = False) -> None:
        self.interval, self.optional = interval, optional

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, part: Any, kind: type | None = None) -> Any:
        if part is None:
            return self
        try:
            return part.__dict__[self.name]
        except KeyError:
            raise AttributeError(self.name) from None

    def __set__(self, part: Any, value: Any) -> None:
        if not (self.optional and value is None):
            require_in(self.interval, self.name, value)
        part.__dict__[self.name] = value
        part.adjusted()


def adjustable(kind: type) -> tuple[str, ...]:
    """The names of the `Adjustable` arguments of a class."""
    if kind not in _KNOWN:
        names = constructor_arguments(kind)
        _KNOWN[kind] = tuple(name for name in names if isinstance(getattr(kind, name, None), Adjustable))
    return _KNOWN[kind]
