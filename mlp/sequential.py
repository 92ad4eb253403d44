"""The model: a list of layers, with Keras's methods around it."""

import copy
import threading
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from typing import Any

import numpy as np

from mlp import compilation, optimizers, storage, summary
from mlp.arrays import Array, as_inputs, fill
from mlp.callbacks import Callback, CallbackList, History
from mlp.engines.numpy_engine import NumpyEngine, forward
from mlp.errors import ArgumentError, NotReadyError
from mlp.layers import Input, Layer, stack
from mlp.naming import Part, describe, is_integer, require
from mlp.parameters import Parameters
from mlp.training import Means, Training, as_a_whole, check_data, evaluate, open_run

CHUNK = 1 << 18  # numbers a layer puts out in one go of `predict`: 1 MB, which stays in the cache


class Sequential(Part):
    """A stack of layers, trained by the delta rule.

    Parameters
    ----------
    layers : iterable of Layer, optional
        From the input to the output; `Input` may come first. More can follow by `add`.
    name : str, optional
    dtype : {"float32", "float64"}, default "float32"
        Of all weights and computations.
    seed : int, optional
        Of initial weights, shuffles and dropout: the same seed gives the same bits.

    Attributes
    ----------
    layers : list of Layer
    parameters : Parameters
        The flat vectors of parameters and gradients, once the model is built.
    optimizer, loss
        Set by `compile`.
    stop_training : bool
        A callback sets it to end `fit` after the epoch.

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
        require(seed is None or (is_integer(seed) and seed >= 0), "seed", seed, "an integer of at least 0")
        require(layers is None or np.iterable(layers), "layers", layers, "a list of layers")
        self.name, self.seed = name or "sequential", seed
        self.dtype = str(getattr(dtype, "__name__", dtype))
        require(self.dtype in ("float32", "float64"), "dtype", dtype, "float32 or float64")
        self._dtype = np.dtype(self.dtype)
        self.layers: list[Layer] = []
        self.input_shape: tuple[int, ...] | None = None
        self.engine: NumpyEngine | None = None
        self.optimizer: Any = None
        self.rng = np.random.default_rng(seed)
        self.lock = threading.RLock()
        self.built = self.compiled = self.announced = self.stop_training = False
        self.history: History | None = None
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
        except ArgumentError:
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
        self.built, self.engine = False, None
        if self.input_shape is not None and self.layers:
            self.build(self.input_shape)

    def build(self, input_shape: Sequence[int]) -> None:
        """Make the weights for rows of that shape; `fit` does it by itself.

        Layers that have weights keep them, if they fit.
        """
        if not self.layers:
            raise NotReadyError("the model has no layers: add some first")
        shape = Input(input_shape).shape  # type: ignore[arg-type]
        with self.lock:
            stack.build(self.layers, shape, self.rng, self._dtype)
            self.input_shape = shape
            self._gather()

    def _gather(self) -> None:
        """Gather the weights into one flat vector."""
        self.parameters = Parameters(self.layers, self._dtype)
        self.chunk = max(1, CHUNK // stack.widest(self.layers))
        self.built, self.engine = True, None

    def ready(self) -> NumpyEngine:
        """The engine that makes this model's steps; made anew after a change of the model."""
        with self.lock:
            if self.engine is None:
                stack.pair(self.loss, self.layers, self._dtype)
                self.optimizer.build(self.parameters)
                self.engine = NumpyEngine(self.layers, self.loss, self.optimizer, self.lock)
        return self.engine

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Sequence[Any] | None = None,
        weighted_metrics: Sequence[Any] | None = None,
    ) -> None:
        """Choose what to minimise and how.

        Parameters
        ----------
        optimizer : str or Optimizer, default "rmsprop"
        loss : str, Loss or function of `mlp.losses`
        metrics : sequence of str or Metric, optional
            Reported beside the loss; "accuracy", "mae", "mse" …
        weighted_metrics : sequence, optional
            Metrics that heed `sample_weight` and `class_weight`.

        Raises
        ------
        ArgumentError
            If a name is unknown, or the loss does not suit the last activation (found when built).
        """
        rule, loss, *reported = compilation.choose(optimizer, loss, metrics, weighted_metrics, self.optimizer)
        if self.built:
            stack.pair(loss, self.layers, self._dtype)
        self.optimizer, self.loss, rule.owned = rule, loss, True
        self.metrics, self.weighted_metrics = reported
        self.compiled, self.engine = True, None

    # training and using

    def fit(
        self,
        x: Any,
        y: Any,
        batch_size: int | str | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[Any, ...] | None = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
    ) -> History:
        """Train by one of the three loops of `mlp.optimizers.loops`.

        Parameters
        ----------
        x : array-like of shape (n, ...)
        y : array-like of shape (n, o) or (n,)
        batch_size : int or "full", default 32
            Samples before an update: "full" is gradient descent, 1 stochastic, else minibatch.
        epochs : int, default 1
        verbose : 0, 1, 2 or "auto"
            Nothing; a tqdm bar if tqdm is installed, else a line an epoch; always lines. "auto" is 1.
        callbacks : sequence of Callback, optional
        validation_split : float in [0, 1), default 0
            Share of the rows, from the end, that is kept for validation.
        validation_data : tuple, optional
            ``(x, y)`` or ``(x, y, sample_weight)``.
        shuffle : bool, default True
            A new order each epoch.
        class_weight : dict or "balanced", optional
        sample_weight : array-like of shape (n,), optional
        initial_epoch : int, default 0
            The number that epochs are counted from; `epochs` is where they end.

        Returns
        -------
        History

        Raises
        ------
        NotReadyError
            Before `compile`.
        ArgumentError
            If the data cannot be used; no weight has moved then.
        DivergenceError
            If the loss becomes infinite or undefined; the weights are those of the last epoch
            that ended well.
        """
        options = dict(
            epochs=epochs, verbose=verbose, callbacks=callbacks, initial_epoch=initial_epoch,
            validation_split=validation_split, validation_data=validation_data,
            class_weight=class_weight, sample_weight=sample_weight,
        )  # fmt: skip
        if isinstance(batch_size, str) and batch_size == "full":
            return optimizers.gradient_descent(self, x, y, **options)
        if is_integer(batch_size) and batch_size == 1:
            return optimizers.stochastic_gradient_descent(self, x, y, shuffle=shuffle, **options)
        size: Any = 32 if batch_size is None else batch_size
        return optimizers.minibatch_gradient_descent(self, x, y, batch_size=size, shuffle=shuffle, **options)

    def training(self, x: Any, y: Any, **options: Any) -> Training:
        """Check the data and open a run for a training loop; options as in `fit`."""
        return open_run(self, x, y, **options)

    def train_on_batch(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """One update with these rows; the loss before it, and the metrics, as in `evaluate`."""
        with self.training(x, y, sample_weight=sample_weight, class_weight=class_weight) as run:
            run.update(run.data.all())
            run.require_finite()
        return run.means.report(return_dict)

    def evaluate(
        self,
        x: Any,
        y: Any,
        batch_size: int | None = None,
        verbose: Any = 0,
        sample_weight: Any = None,
        callbacks: Sequence[Callback] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss, and the metrics if there are any, over all rows.

        Parameters as in `fit`; the result does not depend on `batch_size`. With `verbose` above 0
        it is printed. It is the loss, or a list of the loss and the metrics; or all by name.
        """
        data = as_a_whole(self, *check_data(self, x, y, sample_weight))
        heard = CallbackList(callbacks or (), self, {"verbose": verbose})
        means = evaluate(self, data, heard, batch_size)
        if verbose and verbose != "auto":
            print(" - ".join(f"{name}: {value:.4f}" for name, value in means.logs().items()))
        return means.report(return_dict)

    def test_on_batch(self, x: Any, y: Any, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """`evaluate` for one batch."""
        return self.evaluate(x, y, sample_weight=sample_weight, return_dict=return_dict)

    def predict(self, x: Any, batch_size: int | None = None, verbose: Any = 0) -> Array:
        """The outputs for all rows.

        Parameters
        ----------
        x : array-like of shape (n, ...)
        batch_size : int, optional
            Rows in one go; by default as many as the cache holds. Of no effect but rounding.
        verbose : optional, taken for Keras's sake; nothing is printed

        Returns
        -------
        Array of shape (n, o)
        """
        X = self.as_inputs(x)
        size = self.chunk if batch_size is None else batch_size
        require(is_integer(size) and size > 0, "batch_size", batch_size, "a positive integer")
        with self.lock:
            if len(X) <= size:
                return forward(self.layers, X).copy()
            out = np.empty((len(X), *self.layers[-1].output_shape), self._dtype)
            for start in range(0, len(X), size):
                out[start : start + size] = forward(self.layers, X[start : start + size])
        return out

    predict_on_batch = __call__ = predict

    def means(self) -> Means:
        """Fresh accumulators for the loss and the metrics."""
        return Means(copy.deepcopy(self.metrics), copy.deepcopy(self.weighted_metrics))

    def as_inputs(self, x: Any, name: str = "x") -> Array:
        """Check inputs and bring them to the model's dtype; build the model if it is not."""
        X = as_inputs(x, self._dtype, name)
        with self.lock:
            if not self.built:
                self.build(X.shape[1:])
        if X.shape[1:] != self.input_shape:
            raise ArgumentError(
                f"{name} has rows of shape {X.shape[1:]}, but the model takes {self.input_shape}: "
                f"its first layer is {self.layers[0].name!r}"
            )
        return X

    # looking and keeping

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Print a table of the layers, their output shapes and their parameters, as Keras does."""
        print_fn(summary.table(self))

    def count_params(self) -> int:
        """How many numbers the model learns."""
        self._require_built("count_params")
        return self.parameters.values.size

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or its place."""
        return stack.find(self.layers, name, index)

    def get_weights(self) -> list[Array]:
        """Copies of all parameters, layer by layer: W, b, W, b …"""
        self._require_built("get_weights")
        return [value.copy() for value in stack.weights(self.layers)]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all parameters from arrays in the order of `get_weights`; all or, after an error, none."""
        self._require_built("set_weights")
        fill(stack.weights(self.layers), weights)

    def save(self, filepath: str | PathLike[str], overwrite: bool = True) -> None:
        """Write the model to a file: weights as safetensors, all else as JSON inside it.

        `mlp.models.load_model` reads it and can go on training where this model stands. An
        existing file is replaced in one step, or with ``overwrite=False`` is an error.
        """
        self._require_built("save")
        storage.save(self, filepath, overwrite)

    def get_config(self) -> dict[str, Any]:
        """The architecture as plain data, from which `from_config` makes a new model."""
        config = super().get_config()
        if self.input_shape is not None:
            config["layers"] = [describe(Input(self.input_shape)), *config["layers"]]
        return config

    def _require_built(self, method: str) -> None:
        if not self.built:
            hint = "add layers.Input(shape) first, call build(shape), or fit it"
            raise NotReadyError(f"{method}() needs weights, and the model is not built yet: {hint}")

    def __getstate__(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in self.__dict__.items()
            if name not in ("lock", "engine", "parameters")
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, lock=threading.RLock(), engine=None)
        if self.built:
            self._gather()

    def __copy__(self) -> "Sequential":
        return copy.deepcopy(self)  # two models cannot share one vector of weights

    def __repr__(self) -> str:
        layers = ", ".join(map(repr, self.layers))
        return f"Sequential([{layers}], name={self.name!r}, dtype={self.dtype!r}, seed={self.seed!r})"
