"""Names: how a string, a class or a configuration becomes an object, and the way back.

A part (layer, activation, loss, optimizer, metric, initializer) keeps every constructor
argument in an attribute of the same name. That one rule gives all of them `get_config` and
`from_config`, and lets a model be written as JSON.
"""

import functools
import inspect
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, Self, TypeVar

import numpy as np

from mlp.errors import ArgumentError

Named = TypeVar("Named", bound=Callable[..., Any])  # a class or a function

_REGISTERED: dict[str, dict[str, Any]] = {}  # by name, then by kind: a loss and a metric share a name
CUSTOM: dict[str, Any] = {}  # what `utils.custom_object_scope` makes known for a while
CATALOGUES: dict[str, Any] = {}  # the `Catalogue` of each kind: "activation", "loss" ...
FUNCTION = "function"  # the kind of a plain function, and its key in a configuration


class Part:
    """What can be named, configured, copied and stored. `Layer`, `Loss` and so on are its kinds."""

    kept_as: Mapping[str, str] = {}  # attributes of arguments whose name a method has already

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data, ready for JSON."""
        return {name: _plain(value) for name, value in self._settings().items()}

    def _settings(self) -> dict[str, Any]:
        names = constructor_arguments(type(self))
        return {name: getattr(self, self.kept_as.get(name, name)) for name in names}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build the part from what `get_config` returned."""
        require(isinstance(config, Mapping), "config", config, "a dict, such as get_config() returns")
        arguments = {name: _revive(value) for name, value in config.items()}
        try:
            return cls(**arguments)
        except TypeError as error:
            raise ArgumentError(f"{cls.__name__} cannot be made from this configuration: {error}") from error

    def adjusted(self) -> None:
        """Take in that an `Adjustable` argument has been set."""

    def __repr__(self) -> str:
        defaults = constructor_arguments(type(self))
        changed = {
            name: value for name, value in self._settings().items() if not _same(value, defaults[name])
        }
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in changed.items())})"


def _same(value: Any, default: Any) -> bool:
    """Whether an attribute is what its default became: "zeros" has become a Zeros()."""
    if isinstance(default, str) and isinstance(value, Part):
        return repr(value) == f"{type(value).__name__}()" and key_of(type(value).__name__) == key_of(default)
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


def plain_attributes(thing: Any, without: Container[str] = ()) -> dict[str, Any]:
    """The attributes of an object that are plain data or arrays, but for those names."""
    found = vars(thing).items()
    return {name: value for name, value in found if name not in without and is_plain(value)}


def is_plain(value: Any) -> bool:
    """Whether it is None, a number, text or an array, or a list, tuple or dict by text of such."""
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(name, str) for name in value) and all(map(is_plain, value.values()))
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind in "biuf"
    return value is None or isinstance(value, bool | int | float | str)


def register(part: Named, name: str | None = None) -> Named:
    """Make a class or a function of your own known by name; usable as a decorator.

    A class can then be given by its name, and `load_model` and `from_config` find it. So do
    they find a function that is an argument of a part, of a layer or an optimizer for example:
    it stands in the configuration as ``{"function": its name}``.

    Parameters
    ----------
    part : subclass of Layer, Loss ... or a function
    name : str, optional
        By default the name that it was defined with.

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
    >>> mlp.layers.Dense(2, activation="triple")
    Dense(units=2, activation=Triple())
    """
    known = issubclass(part, Part) if isinstance(part, type) else _is_function(part)
    require(known, "part", part, "a class of layers, losses … or a function")
    name = getattr(part, "__name__", "") if name is None else name
    require(isinstance(name, str) and name not in ("", "<lambda>"), "name", name, "a name to find it by")
    _REGISTERED.setdefault(name, {})[kind_of(part)] = part
    return part


def _is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, type | Part)


def kind_of(part: Any) -> str:
    """What a class is one of, by the name of the base below `Part`: "Layer", "Loss" … or "function"."""
    if not isinstance(part, type):
        return FUNCTION
    lineage = [base for base in part.__mro__ if issubclass(base, Part) and base is not Part]
    return lineage[-1].__name__ if lineage else ""


def registered_name(part: Any) -> str | None:
    """The name by which a class or a function is known, or None."""
    kind, own = kind_of(part), getattr(part, "__name__", "")
    for name in (own, *_REGISTERED):
        if _REGISTERED.get(name, {}).get(kind) is part:
            return name
    return next((name for name, known in CUSTOM.items() if known is part), None)


def find(name: str, kind: str = "", custom: Mapping[str, Any] | None = None) -> Any:
    """The class of that kind, or the function, that is known by the name; None if there is none.

    What `custom` says counts before `custom_object_scope`, and that before `register`.
    """
    short = name.rpartition(">")[2]  # "package>Name", as Keras registers it
    for objects in (custom or {}, CUSTOM):
        for key in (name, short):
            if key in objects and _fits(kind_of(objects[key]), kind):
                return objects[key]
    for own, part in reversed(_REGISTERED.get(name, {}).items()):
        if _fits(own, kind):
            return part
    for catalogue in CATALOGUES.values():
        if _fits(kind_of(catalogue.base), kind) and name in catalogue.homes:
            return catalogue.load(name)
    return None


def _fits(own: str, kind: str) -> bool:
    return own == kind or (kind == "" and own != FUNCTION)


def describe(part: Part) -> dict[str, Any]:
    """``{"class_name": ..., "kind": ..., "config": ...}``: a part as plain data."""
    cls = type(part)
    name = registered_name(cls) or cls.__name__
    return {"class_name": name, "kind": kind_of(cls), "config": part.get_config()}


def revive(description: Any, custom: Mapping[str, Any] | None = None, kind: str = "") -> Any:
    """Build the part that `describe` described. Only classes that are known are ever called.

    Parameters
    ----------
    description : mapping
        With "class_name" and "config", and perhaps "kind".
    custom : mapping of str to class or function, optional
        Those that are not registered.
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
    part = find(name, kind, custom)
    if not (isinstance(part, type) and issubclass(part, Part)):
        raise ArgumentError(
            f"unknown {kind or 'class'} {name!r}.{nearest(name, known_names(kind, custom))} A class of your "
            "own is made known by mlp.register(YourClass) or custom_objects={'YourClass': YourClass}."
        )
    try:
        return part.from_config({key: _revive(value, custom) for key, value in config.items()})
    except RecursionError:
        raise ArgumentError("a description of parts in parts in parts … is too deep") from None


def known_names(kind: str, custom: Mapping[str, Any] | None = None) -> list[str]:
    """The names of all that is known of a kind, or of any."""
    names = [name for name, kinds in _REGISTERED.items() if any(_fits(own, kind) for own in kinds)]
    for catalogue in CATALOGUES.values():
        names += [name for name in catalogue.homes if _fits(kind_of(catalogue.base), kind)]
    for objects in (CUSTOM, custom or {}):
        names += [name for name, part in objects.items() if _fits(kind_of(part), kind)]
    return names


def _plain(value: Any) -> Any:
    if isinstance(value, Part):
        return describe(value)
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if _is_function(value) and (name := registered_name(value)):
        return {FUNCTION: name}
    return value


def _revive(value: Any, custom: Mapping[str, Any] | None = None) -> Any:
    if isinstance(value, Mapping) and value.keys() >= {"class_name", "config"}:
        return revive(value, custom)
    if isinstance(value, Mapping) and value.keys() == {FUNCTION} and isinstance(value[FUNCTION], str):
        return _function(value[FUNCTION], custom)
    if isinstance(value, list):
        return [_revive(item, custom) for item in value]
    return value


def _function(name: str, custom: Mapping[str, Any] | None) -> Any:
    function = find(name, FUNCTION, custom)
    if not _is_function(function):
        raise ArgumentError(
            f"unknown function {name!r}.{nearest(name, known_names(FUNCTION, custom))} A function of your "
            f"own is made known by mlp.register(your_function) or custom_objects={{{name!r}: your_function}}."
        )
    return function


def key_of(name: str) -> str:
    """A name without case, underscores and spaces, by which it is looked up."""
    return name.replace("_", "").replace(" ", "").lower()


def nearest(name: str, known: Iterable[str]) -> str:
    """Write "Did you mean …?"" with up to three names, best first; empty if none is near."""
    import difflib  # only for an error, and slow to load

    by_key = {key_of(k): k for k in known}
    close = difflib.get_close_matches(key_of(name), by_key, n=3, cutoff=0.5)
    return f" Did you mean {', '.join(repr(by_key[key]) for key in close)}?" if close else ""


@functools.lru_cache(512)  # of classes, of which there are some hundred
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


def require_bool(argument: str, value: Any) -> None:
    """Raise an `ArgumentError` unless the value is True or False; "False" would count as true."""
    require(isinstance(value, bool | np.bool_), argument, value, "True or False")


class Switch:
    """An attribute that is True until it is set, to True or False and nothing else, also in what it holds."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name, self._place = name, f"_{name}"

    def __get__(self, part: Any, owner: type | None = None) -> bool:
        return True if part is None else part.__dict__.get(self._place, True)

    def __set__(self, part: Any, value: Any) -> None:
        require_bool(self.name, value)
        part.__dict__[self._place] = bool(value)
        for child in getattr(part, "children", ()):
            setattr(child, self.name, value)


def require_one_of(argument: str, value: Any, choices: Iterable[Any], expected: str = "") -> None:
    """Raise an `ArgumentError` unless the value is one of some strings, integers or None.

    Examples
    --------
    >>> require_one_of("mode", "min", ("min", "max"))
    >>> require_one_of("axis", 2, (-1, 1), "-1, where the classes are")
    Traceback (most recent call last):
    mlp.errors.ArgumentError: axis must be -1, where the classes are; got 2
    """
    plain = value is None or isinstance(value, str) or is_integer(value)  # an array equals no one thing
    known = plain and value in tuple(choices)
    require(known, argument, value, expected or f"one of {', '.join(map(str, choices))}")


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
