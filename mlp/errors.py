"""The errors of the package, in one place.

Every error that `mlp` raises on purpose is an `MLPError`, and also the built-in error
that a caller would expect, so that both ``except MLPError`` and ``except ValueError`` work.
"""


class MLPError(Exception):
    """Base of every error that this package raises on purpose."""


class ArgumentError(MLPError, ValueError):
    """An argument has a value, a shape or a name that cannot be used."""


class DataError(ArgumentError):
    """Data that come batch by batch, or from a file, cannot be used, or whoever gives them has failed.

    The message says in which batch, rows or file; what went wrong there is the error's cause.
    """


class NotReadyError(MLPError, RuntimeError):
    """A method was called before the one that it needs: `fit` before `compile`, for example."""


class DivergenceError(MLPError, ArithmeticError, RuntimeError):
    """The loss became infinite or undefined; the weights are those of the last finite epoch."""


class ModelFileError(MLPError, OSError):
    """A file is not a model that this package can read."""


class MissingFileError(MLPError, FileNotFoundError):
    """There is no such file."""


class MissingPackageError(MLPError, ImportError):
    """A feature needs a package that is not installed; the message has the command that installs it."""
