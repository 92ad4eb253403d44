"""Names: how a string, a class or a configuration becomes an object, and the way back.

A part (layer, activation, loss, optimizer, metric, initializer) keeps every constructor
argument in an attribute of the same name. That one rule gives all of them `get_config` and
`from_config`, and lets a model be written as JSON.
"""

import copy
import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np

from mlp.errors import ArgumentError

_REGISTERED: dict[str, dict[str, type]] = {}  # by name, then by kind: a loss and a metric share a name


class Part:
    """What can be named, configured, copied and stored. `Layer`, `Loss` and so on are its kinds."""

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data, ready for JSON."""
        return {name: _plain(getattr(self, name)) for name in constructor_arguments(type(self))}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build the part from what `get_config` returned."""
        require(isinstance(config, Mapping), "config", config, "a dict, such as get_config() returns")
        arguments = {name: _revive(value) for name, value in config.items()}
        try:
            return cls(**arguments)
        except TypeError as error:
            raise ArgumentError(f"{cls.__name__} cannot be made from this configuration: {error}") from error

    def __repr__(self) -> str:
        defaults = constructor_arguments(type(self))
        changed = {
            name: getattr(self, name)
            for name, default in defaults.items()
            if not _same(getattr(self, name), default)
        }
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in changed.items())})"


def _same(value: Any, default: Any) -> bool:
    """Whether an attribute is what its default became: "zeros" has become a Zeros()."""
    if isinstance(default, str) and isinstance(value, Part):
        return repr(value) == f"{type(value).__name__}()" and _key(type(value).__name__) == _key(default)
    if default is None and isinstance(value, Part):
        return type(value).__name__ == "Linear"
    return value is default or (type(value) is type(default) and bool(value == default))


def constructor_arguments(cls: type) -> dict[str, Any]:
    """Names and defaults of the constructor's arguments, with those that it hands on by ``**``."""
    found: dict[str, Any] = {}
    for owner in cls.__mro__:
        constructor = owner.__dict__.get("__init__")
        if constructor is None or owner is object:
            continue
        parameters = list(inspect.signature(constructor).parameters.values())[1:]
        for parameter in parameters:
            if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                found.setdefault(parameter.name, parameter.default)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return found


def register(part: type) -> type:
    """Make a class of your own known to `load_model` and `from_config`; usable as a decorator.

    Examples
    --------
    >>> import mlp
    >>> @mlp.register
    ... class Triple(mlp.activations.Activation):
    ...     def f(self, net, out):
    ...         return np.multiply(net, 3, out=out)
    ...     def slope(self, net, out, slope):
    ...         slope.fill(3)
    ...         return slope
    >>> mlp.layers.Dense.from_config(mlp.layers.Dense(2, activation=Triple()).get_config())
    Dense(units=2, activation=Triple())
    """
    require(isinstance(part, type) and issubclass(part, Part), "part", part, "a class of layers, losses …")
    _REGISTERED.setdefault(part.__name__, {})[kind_of(part)] = part
    return part


def kind_of(part: type) -> str:
    """What a class is one of, by the name of the base below `Part`: "Layer", "Loss" …"""
    lineage = [base for base in part.__mro__ if issubclass(base, Part) and base is not Part]
    return lineage[-1].__name__ if lineage else ""


def describe(part: Part) -> dict[str, Any]:
    """``{"class_name": ..., "kind": ..., "config": ...}``: a part as plain data."""
    return {"class_name": type(part).__name__, "kind": kind_of(type(part)), "config": part.get_config()}


def revive(description: Any, custom: Mapping[str, type] | None = None, kind: str = "") -> Any:
    """Build the part that `describe` described.

    Parameters
    ----------
    description : mapping
        With "class_name" and "config", and perhaps "kind".
    custom : mapping of str to type, optional
        Classes that are not registered.
    kind : str, optional
        What it has to be, "Loss" for example; by default what the description says.

    Raises
    ------
    ArgumentError
        If the class is neither built in nor registered nor in `custom`.
    """
    data = description if isinstance(description, Mapping) else {}
    name, config, kind = data.get("class_name"), data.get("config"), kind or data.get("kind", "")
    if not (isinstance(name, str) and isinstance(config, Mapping)):
        raise ArgumentError(
            "a part is described by {'class_name': its name, 'config': {its arguments}}; "
            f"got {description!r}"
        )
    known = {key: list(classes.values()) for key, classes in _REGISTERED.items()}
    for key, part in (custom or {}).items():
        known[key] = [*known.get(key, []), part]
    fitting = [part for part in known.get(name, []) if kind in ("", kind_of(part))]
    if not fitting:
        raise ArgumentError(
            f"unknown {kind or 'class'} {name!r}.{_nearest(name, known)} A class of your own is made known "
            "by mlp.register(YourClass) or custom_objects={'YourClass': YourClass}."
        )
    arguments = {key: _revive(value, custom) for key, value in config.items()}
    return fitting[-1].from_config(arguments)  # type: ignore[attr-defined]


def _plain(value: Any) -> Any:
    if isinstance(value, Part):
        return describe(value)
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _revive(value: Any, custom: Mapping[str, type] | None = None) -> Any:
    if isinstance(value, Mapping) and value.keys() >= {"class_name", "config"}:
        return revive(value, custom)
    if isinstance(value, list):
        return [_revive(item, custom) for item in value]
    return value


def _key(name: str) -> str:
    return name.replace("_", "").replace(" ", "").lower()


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib  # only for an error, and slow to load

    close = difflib.get_close_matches(_key(name), {_key(k): k for k in known}, n=1, cutoff=0.5)
    return f" Did you mean {next(k for k in known if _key(k) == close[0])!r}?" if close else ""


class Catalogue:
    """The parts of one kind by name; case and underscores do not matter.

    Parameters
    ----------
    kind : str
        What an error calls them, "activation" for example.
    base : type
        The class that all of them, the user's own included, derive from.
    members : iterable of type
        The built-in classes.
    aliases : mapping of str to type, optional
        Other names.
    """

    def __init__(
        self, kind: str, base: type, members: Iterable[type], aliases: Mapping[str, type] | None = None
    ) -> None:
        self.kind, self.base = kind, base
        self.classes: dict[str, type] = {}
        for member in members:
            register(member)
            self.classes[snake_case(member.__name__)] = member
        self.classes |= dict(aliases or {})
        self._by_key = {_key(name): member for name, member in self.classes.items()}

    def get(self, identifier: Any) -> Any:
        """The object that `identifier` stands for.

        Parameters
        ----------
        identifier : str, class, object or dict
            A name; a class, made with its defaults; an object, of which a copy is taken, so
            that no two layers share working memory; or what `describe` returned.

        Raises
        ------
        ArgumentError
            If nothing of this kind is meant; the error lists the valid names and the nearest.
        """
        if isinstance(identifier, str):
            if _key(identifier) not in self._by_key:
                raise ArgumentError(
                    f"unknown {self.kind} {identifier!r}.{_nearest(identifier, self.classes)} "
                    f"Valid names: {', '.join(sorted(self.classes))}."
                )
            return self._by_key[_key(identifier)]()
        identifier = getattr(identifier, "part", identifier)
        if isinstance(identifier, type) and issubclass(identifier, self.base):
            return identifier()
        if isinstance(identifier, self.base):
            return copy.deepcopy(identifier)
        if isinstance(identifier, Mapping):
            return revive(identifier, kind=kind_of(self.base))
        raise ArgumentError(
            f"{self.kind} must be a name, a class or an object of mlp's {self.base.__name__}; "
            f"got {identifier!r} of type {type(identifier).__name__}"
        )


def snake_case(name: str) -> str:
    """``"HeNormal"`` to ``"he_normal"``, ``"ReLU"`` to ``"relu"``, ``"RMSprop"`` to ``"rmsprop"``.

    Examples
    --------
    >>> snake_case("CategoricalCrossentropy"), snake_case("LeakyReLU"), snake_case("SGD")
    ('categorical_crossentropy', 'leaky_relu', 'sgd')
    """
    letters = []
    for k, letter in enumerate(name):
        if k and letter.isupper() and name[k - 1].islower() and name[k : k + 2] not in ("LU", "W"):
            letters.append("_")
        letters.append(letter.lower())
    return "".join(letters)


def require(condition: bool, argument: str, value: Any, expected: str) -> None:
    """Raise an `ArgumentError` that names the argument, its value and what was expected."""
    if not condition:
        raise ArgumentError(f"{argument} must be {expected}; got {value!r}")


def is_integer(value: Any) -> bool:
    """Whether it is an integer of Python or NumPy; True and False are none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def require_in(interval: str, argument: str, value: Any) -> None:
    """Raise an `ArgumentError` unless the value is a number in the interval, such as "[0, 1)".

    Examples
    --------
    >>> require_in("[0, 1)", "momentum", 0)
    >>> require_in("(0, inf)", "epsilon", 0)
    Traceback (most recent call last):
    mlp.errors.ArgumentError: epsilon must be a number in (0, inf); got 0
    """
    low, high = map(float, interval[1:-1].split(","))
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    above = number and (low < value or (interval[0] == "[" and value == low))
    below = number and (value < high or (interval[-1] == "]" and value == high))
    require(above and below, argument, value, f"a number in {interval}")
