"""The model as a stack of layers: adding, building, copying."""

import copy
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from mlp.errors import ArgumentError, NotReadyError
from mlp.layers import Input, Layer, stack
from mlp.model import Model
from mlp.naming import describe, require
from mlp.randomness import new_generator


class Sequential(Model):
    """A stack of layers, trained by the delta rule.

    Parameters
    ----------
    layers : iterable of Layer, optional
        From the input to the output; `Input` may come first. More can follow by `add`.
    name : str, optional
    dtype : {"float32", "float64"}, default "float32"
        Of all weights and computations.
    seed : int, optional
        Of initial weights, shuffles and dropout: the same seed gives the same bits. Without one,
        what `utils.set_random_seed` has set, or else every model is different.

    Attributes
    ----------
    layers, parameters, optimizer, loss, trainable, stop_training
        As in `Model`, which has the methods to train and use it: `compile`, `fit`, `predict` …

    Examples
    --------
    >>> from mlp import Sequential, layers
    >>> model = Sequential(seed=1)
    >>> model.add(layers.Dense(2, activation="tanh"))
    >>> model.add(layers.Dense(1, activation="sigmoid"))
    >>> model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    >>> X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> history = model.fit(X, [0, 1, 1, 1], batch_size="full", epochs=2000, verbose=0)
    >>> history.history["accuracy"][-1]
    1.0
    >>> model.predict(X).shape
    (4, 1)
    """

    def __init__(
        self,
        layers: Iterable[Layer | Input] | None = None,
        name: str | None = None,
        dtype: Any = "float32",
        seed: int | None = None,
    ) -> None:
        require(name is None or isinstance(name, str), "name", name, "a string")
        require(layers is None or np.iterable(layers), "layers", layers, "a list of layers")
        self.name, self.seed = name or "sequential", seed
        self.dtype = str(getattr(dtype, "__name__", dtype))
        require(self.dtype in ("float32", "float64"), "dtype", dtype, "float32 or float64")
        self._dtype = np.dtype(self.dtype)
        self.layers: list[Layer] = []
        self.rng, self.lock = new_generator(seed), threading.RLock()
        self.announced = False
        for layer in layers or ():
            self.add(layer)

    # building

    def add(self, layer: Layer | Input) -> None:
        """Put a layer on top."""
        if isinstance(layer, Input):
            if self.layers:
                raise ArgumentError("Input must be added before any layer")
            self.input_shape, self.announced = layer.shape, True
            return
        stack.check_layer(layer)
        if not self.layers and self.input_shape is None:
            self.input_shape = layer.input_shape
        layer.named_by_model = layer.name is None
        layer.name, layer.owned = stack.free_name(layer, self.layers), True
        self.layers.append(layer)
        try:
            self._change()
        except Exception:
            self.pop()
            raise

    def pop(self) -> Layer:
        """Take the last layer off and return it."""
        if not self.layers:
            raise ArgumentError("the model has no layers to take off")
        layer = self.layers.pop()
        layer.owned = False
        layer.name = None if layer.named_by_model else layer.name
        if not self.layers and not self.announced:
            self.input_shape = None
        self._change()
        return layer

    def _change(self) -> None:
        self.built = False
        self.let_go()
        if self.input_shape is not None and self.layers:
            self.build(self.input_shape)

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Make the weights for rows of that shape; `fit` does it by itself.

        Layers that have weights keep them, if they fit. Keras's form with None for the number of
        rows, ``(None, 3)``, is understood too.
        """
        if not self.layers:
            raise NotReadyError("the model has no layers: add some first")
        if isinstance(input_shape, tuple | list) and len(input_shape) > 1 and input_shape[0] is None:
            input_shape = input_shape[1:]
        shape = Input(input_shape).shape  # type: ignore[arg-type]
        with self.lock:
            stack.build(self.layers, shape, self.rng, self._dtype)
            self.input_shape = shape
            self.gather()

    # looking and keeping

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or its place."""
        return stack.find(self.layers, name, index)

    def get_config(self) -> dict[str, Any]:
        """The architecture as plain data, from which `from_config` makes a new model."""
        config = super().get_config()
        if self.input_shape is not None:
            config["layers"] = [describe(Input(self.input_shape)), *config["layers"]]
        return config

    def __getstate__(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in self.__dict__.items()
            if name not in ("lock", "engine", "predictor", "answers", "parameters", "parts")
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, lock=threading.RLock())
        self.let_go()
        if self.built:
            self.gather()

    def __copy__(self) -> "Sequential":
        return copy.deepcopy(self)  # two models cannot share one vector of weights

    def __repr__(self) -> str:
        layers = ", ".join(map(repr, self.layers))
        return f"Sequential([{layers}], name={self.name!r}, dtype={self.dtype!r}, seed={self.seed!r})"
