"""Catalogues: the built-in parts of each kind by name, loaded when they are asked for."""

import copy
from collections.abc import Mapping, Sequence
from importlib import import_module
from inspect import Parameter
from typing import Any

from mlp.errors import ArgumentError
from mlp.naming import (
    CATALOGUES,
    constructor_arguments,
    describe,
    find,
    key_of,
    kind_of,
    known_names,
    nearest,
    revive,
    snake_case,
)

FEW = 20  # an error lists so many valid names in full


class Catalogue:
    """The parts of one kind by name; case and underscores do not matter.

    Parameters
    ----------
    kind : str
        What an error calls them, "activation" for example.
    base : type
        The class that all of them, the user's own included, derive from.
    homes : mapping of str to str, or sequence of type
        The built-in classes: their names, with spaces between, by the module that has them and
        is loaded when one of them is asked for; or the classes themselves.
    aliases : mapping of str to str, optional
        Other names for a class.
    """

    def __init__(
        self,
        kind: str,
        base: type,
        homes: Mapping[str, str] | Sequence[type],
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self.kind, self.base = kind, base
        CATALOGUES[kind] = self
        if isinstance(homes, Mapping):
            self.homes = {name: module for module, names in homes.items() for name in names.split()}
        else:
            self.homes = {part.__name__: part.__module__ for part in homes}
        self.named = {snake_case(name): name for name in self.homes} | dict(aliases or {})
        self._by_key = {key_of(name): own for name, own in self.named.items()}

    @property
    def classes(self) -> dict[str, type]:
        """All built-in classes by name, aliases among them; this loads them."""
        return {name: self.load(own) for name, own in self.named.items()}

    def load(self, name: str) -> type:
        """The built-in class of that name."""
        part: type = getattr(import_module(self.homes[name]), name)
        return part

    def get(self, identifier: Any) -> Any:
        """The object that `identifier` stands for.

        Parameters
        ----------
        identifier : str, class, object or dict
            A name, built in or registered; a class, made with its defaults; an object, of which
            a copy is taken, so that no two layers share working memory; or what `describe`
            returned.

        Raises
        ------
        ArgumentError
            If nothing of this kind is meant; the error lists the nearest names, best first.
        """
        identifier = getattr(identifier, "part", identifier)
        if isinstance(identifier, str):
            identifier = self._class_named(identifier)
        if isinstance(identifier, type) and issubclass(identifier, self.base):
            return self._with_defaults(identifier)
        if isinstance(identifier, self.base):
            return copy.deepcopy(identifier)
        if isinstance(identifier, Mapping):
            return self.deserialize(identifier)
        raise ArgumentError(
            f"{self.kind} must be a name, a class or an object of mlp's {self.base.__name__}; "
            f"got {identifier!r} of type {type(identifier).__name__}"
        )

    def _with_defaults(self, part: type) -> Any:
        try:
            return part()
        except TypeError as error:
            needed = [name for name, value in constructor_arguments(part).items() if value is Parameter.empty]
            if not needed:
                raise
            raise ArgumentError(
                f"{part.__name__} has no defaults for {', '.join(needed)}: give an object of it"
            ) from error

    def names(self) -> list[str]:
        """All names of this kind: those built in, aliases among them, and those registered."""
        own = [name for name in known_names(kind_of(self.base)) if key_of(name) not in self._by_key]
        return sorted({*self.named, *own})

    def _class_named(self, name: str) -> type:
        key, kind = key_of(name), kind_of(self.base)
        if key in self._by_key:
            return self.load(self._by_key[key])
        if (part := find(name, kind)) is not None:
            return part  # type: ignore[no-any-return]
        names = self.names()
        for own in names:
            if key_of(own) == key:
                return find(own, kind)  # type: ignore[no-any-return]
        every = f"Valid names: {', '.join(names)}."
        if len(names) > FEW:
            every = f"All {len(names)} names: mlp.utils.names({self.kind!r})."
        raise ArgumentError(f"unknown {self.kind} {name!r}.{nearest(name, names)} {every}")

    def serialize(self, part: Any) -> dict[str, Any] | None:
        """A part of this kind as plain data, Keras's ``serialize``; None stays None."""
        return None if part is None else describe(self.get(part))

    def deserialize(self, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The part that `serialize` described, by its class's name or an alias; None stays None.

        Parameters
        ----------
        config : dict, str or None
        custom_objects : mapping of str to class, optional
            Classes of your own that are not registered.
        """
        if not isinstance(config, Mapping):
            return None if config is None else self.get(config)
        name, kind = config.get("class_name"), kind_of(self.base)
        if isinstance(name, str) and find(name, kind, custom_objects) is None:
            alias = self._by_key.get(key_of(name))
            config = config if alias is None else {**config, "class_name": alias}
        return revive(config, custom_objects, kind)

    def attribute(self, package: str, name: str, others: Mapping[str, str] | None = None) -> Any:
        """What a package's ``__getattr__`` returns: a class that has not been loaded yet.

        Parameters
        ----------
        package : str
            Its ``__name__``.
        name : str
        others : mapping of str to str, optional
            Modules by the names of what else they hold.

        Raises
        ------
        AttributeError
            If the package has no such name.
        """
        if name in self.homes:
            return self.load(name)
        if name in (others or {}):
            return getattr(import_module((others or {})[name]), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
