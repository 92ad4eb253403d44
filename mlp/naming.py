"""Names: how a string, a class or a configuration becomes an object, and the way back.

A part (layer, activation, loss, optimizer, metric, initializer) keeps every constructor
argument in an attribute of the same name. That one rule gives all of them `get_config` and
`from_config`, and lets a model be written as JSON.
"""

import copy
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

import numpy as np

from mlp.errors import ArgumentError

_REGISTERED: dict[str, type] = {}


class Part:
    """What can be named, configured, copied and stored. `Layer`, `Loss` and so on are its kinds."""

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data, ready for JSON."""
        return {name: _plain(getattr(self, name)) for name in constructor_arguments(type(self))}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build the part from what `get_config` returned."""
        return cls(**{name: _revive(value) for name, value in config.items()})

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
        if constructor is None:
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
    _REGISTERED[part.__name__] = part
    return part


def describe(part: Part) -> dict[str, Any]:
    """``{"class_name": ..., "config": ...}``: a part as plain data."""
    return {"class_name": type(part).__name__, "config": part.get_config()}


def revive(description: Mapping[str, Any], custom: Mapping[str, type] | None = None) -> Any:
    """Build the part that `describe` described.

    Raises
    ------
    ArgumentError
        If the class is neither built in nor registered nor in `custom`.
    """
    name = description.get("class_name")
    known = _REGISTERED | dict(custom or {})
    if name not in known:
        raise ArgumentError(
            f"unknown class {name!r}{_nearest(str(name), known)}. A class of your own is made known by "
            "mlp.register(YourClass) or custom_objects={'YourClass': YourClass}."
        )
    config = {key: _revive(value, custom) for key, value in description["config"].items()}
    return known[name].from_config(config)  # type: ignore[attr-defined]


def _plain(value: Any) -> Any:
    if isinstance(value, Part):
        return describe(value)
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _revive(value: Any, custom: Mapping[str, type] | None = None) -> Any:
    if isinstance(value, Mapping) and value.keys() == {"class_name", "config"}:
        return revive(value, custom)
    if isinstance(value, list):
        return [_revive(item, custom) for item in value]
    return value


def _key(name: str) -> str:
    return name.replace("_", "").replace(" ", "").lower()


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib  # only for an error, and slow to load

    close = difflib.get_close_matches(_key(name), {_key(k): k for k in known}, n=1, cutoff=0.5)
    return f"; did you mean {next(k for k in known if _key(k) == close[0])!r}?" if close else ""


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
                    f"unknown {self.kind} {identifier!r}{_nearest(identifier, self.classes)}. "
                    f"Valid names: {', '.join(sorted(self.classes))}."
                )
            return self._by_key[_key(identifier)]()
        identifier = getattr(identifier, "part", identifier)
        if isinstance(identifier, type) and issubclass(identifier, self.base):
            return identifier()
        if isinstance(identifier, self.base):
            return copy.deepcopy(identifier)
        if isinstance(identifier, Mapping):
            return revive(identifier)
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
        if k and letter.isupper() and name[k - 1].islower() and name[k : k + 2] != "LU":
            letters.append("_")
        letters.append(letter.lower())
    return "".join(letters)


def require(condition: bool, argument: str, value: Any, expected: str) -> None:
    """Raise an `ArgumentError` that names the argument, its value and what was expected."""
    if not condition:
        raise ArgumentError(f"{argument} must be {expected}; got {value!r}")


Schedule = Callable[[int], float]
