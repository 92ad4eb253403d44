"""A callback from functions, where a class would be long."""

from collections.abc import Callable
from typing import Any

from mlp.callbacks.base import Callback
from mlp.errors import ArgumentError
from mlp.naming import nearest, require

Hook = Callable[..., object]


class LambdaCallback(Callback):
    """Call functions at the moments of a training.

    Parameters
    ----------
    on_epoch_begin, on_epoch_end : callable, optional
        Called with the epoch and the logs.
    on_train_begin, on_train_end : callable, optional
        Called with the logs.
    on_train_batch_begin, on_train_batch_end : callable, optional
        Called with the batch and the logs.
    **kwargs
        Functions for the other hooks of `Callback`, by their names: ``on_test_end=…``

    Raises
    ------
    ArgumentError
        If there is no such hook, or no function is given for it.

    Notes
    -----
    Source: Keras 3, ``keras.callbacks.LambdaCallback``.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], seed=0)
    >>> model.compile("sgd", "mse")
    >>> told = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, sorted(logs)))
    >>> history = model.fit([[0.0]], [0.0], epochs=2, callbacks=[told], verbose=0)
    0 ['loss']
    1 ['loss']
    """

    def __init__(
        self,
        on_epoch_begin: Hook | None = None,
        on_epoch_end: Hook | None = None,
        on_train_begin: Hook | None = None,
        on_train_end: Hook | None = None,
        on_train_batch_begin: Hook | None = None,
        on_train_batch_end: Hook | None = None,
        **kwargs: Any,
    ) -> None:
        named = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        hooks = [name for name in dir(Callback) if name.startswith("on_")]
        for name, function in (named | kwargs).items():
            if name not in hooks:
                raise ArgumentError(f"LambdaCallback knows no hook {name!r}.{nearest(name, hooks)}")
            require(function is None or callable(function), name, function, "a function")
            if function is not None:
                setattr(self, name, function)
