"""The model: what can be compiled, trained and used, with Keras's methods."""

from __future__ import annotations  # so that np.random is not loaded for a signature

import copy
import threading
import time
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

import numpy as np

from mlp import compilation, optimizers, storage, summary
from mlp.arrays import Array, as_inputs, fill, shape_of
from mlp.callbacks import Callback, CallbackList, History
from mlp.callbacks.progress import line
from mlp.engines.numpy_engine import NumpyEngine
from mlp.errors import ArgumentError, NotReadyError
from mlp.evaluation import Means, as_a_whole, check_data, evaluate
from mlp.layers import Layer, stack
from mlp.layers.propagation import forward
from mlp.naming import Part, is_integer, require, require_bool
from mlp.opening import open_run
from mlp.parameters import Parameters
from mlp.training import Training

CHUNK = 1 << 18  # numbers a layer puts out in one go of `predict`: 1 MB, which stays in the cache


class Model(Part):
    """Base of models: trains the layers that `Sequential` holds.

    Attributes
    ----------
    layers : list of Layer
        From the input to the output.
    parameters : Parameters
        The flat vectors of parameters and gradients, once the model is built.
    optimizer, loss
        Set by `compile`.
    trainable : bool
        Set to False it freezes all layers, and to True it thaws them, as in Keras.
    stop_training : bool
        A callback sets it to end `fit` after the epoch.
    """

    name: str
    dtype: str
    layers: list[Layer]
    parameters: Parameters
    rng: np.random.Generator
    lock: threading.RLock
    loss: Any
    built = compiled = stop_training = False
    _trainable = True
    input_shape: tuple[int, ...] | None = None
    engine: NumpyEngine | None = None
    optimizer: Any = None
    history: History | None = None
    _dtype: np.dtype[Any]

    @property
    def trainable(self) -> bool:
        """Whether the model may learn."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        require_bool("trainable", value)
        self._trainable = bool(value)
        for layer in self.layers:
            layer.trainable = value

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Make the weights for rows of that shape."""
        raise NotImplementedError

    def gather(self) -> None:
        """Gather the weights of the built layers into one flat vector."""
        self.parameters = Parameters(self.layers, self._dtype)
        self.parts = stack.everything(self.layers)
        self.chunk = max(1, CHUNK // stack.widest(self.layers))
        for part in self.parts:
            part.checked = False
        picky = any(type(leaf).check is not Layer.check for _, leaf in stack.leaves(self.layers))
        self.places = np.indices(self.input_shape or ()) if picky else None
        self.built, self.engine = True, None
        self.frozen: list[bool] = []

    def ready(self) -> NumpyEngine:
        """The engine that makes this model's steps; made anew after a change of the model."""
        with self.lock:
            frozen = [self.trainable, *(part.trainable for part in self.parts)]
            if self.engine is None or frozen != self.frozen:
                self.frozen = frozen
                stack.connect(self.layers, learns=self.trainable)
                stack.pair(self.loss, self.layers, self._dtype)
                self.optimizer.build(self.parameters)
                self.engine = NumpyEngine(self.layers, self.loss, self.optimizer, self.lock)
        return self.engine

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Sequence[Any] | None = None,
        weighted_metrics: Sequence[Any] | None = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Choose what to minimise and how.

        Parameters
        ----------
        optimizer : str or Optimizer, default "rmsprop"
        loss : str, Loss or function of `mlp.losses`
        loss_weights : None or 1
            Keras's factors for several outputs; a model here has one.
        metrics : sequence of str, Metric, Loss or callable, optional
            Reported beside the loss; "accuracy", "mae", "mse" …; also losses, and functions of
            (y_true, y_pred).
        weighted_metrics : sequence, optional
            Metrics that heed `sample_weight` and `class_weight`.
        run_eagerly, steps_per_execution, jit_compile, auto_scale_loss
            How Keras executes a step. They are taken so that its scripts run, and change no number.

        Raises
        ------
        ArgumentError
            If a name is unknown, or the loss does not suit the last activation (found when built).
        """
        single = "None: a model has one output; weigh its rows by sample_weight. Metrics: metrics=[...]"
        plain = loss_weights is None or isinstance(loss_weights, int | float | list)
        require(plain and loss_weights in (None, 1, [1]), "loss_weights", loss_weights, single)
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
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> History:
        """Train by one of the three loops of `mlp.optimizers.loops`, or by a solver for the full batch.

        Parameters
        ----------
        x : array-like of shape (n, ...)
        y : array-like of shape (n, o) or (n,)
        batch_size : int or "full", default 32
            Samples before an update: "full" is gradient descent, 1 stochastic, else minibatch. With a
            solver (`optimizers.LBFGS` …) "full" or left out; an epoch is then one of its iterations.
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
        steps_per_epoch : int, optional
            End an epoch after so many batches; the next goes on where it stopped.
        validation_steps : int, optional
            Validate with so many batches only, of `validation_batch_size` (32 if none is given).
        validation_batch_size : int, optional
            Rows in one go of a validation; of no effect but on memory and `validation_steps`.
        validation_freq : int or collection of int, default 1
            Validate every so many epochs, or at the end of the epochs listed, counted from 1.

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
            class_weight=class_weight, sample_weight=sample_weight, steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps, validation_batch_size=validation_batch_size,
            validation_freq=validation_freq,
        )  # fmt: skip
        if isinstance(self.optimizer, optimizers.Solver):
            return optimizers.minimise(self, x, y, batch_size=batch_size, **options)
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

        Parameters as in `fit`; the result does not depend on `batch_size`. With ``verbose=1`` or 2
        it is printed in Keras's form. It is the loss, or a list of the loss and the metrics; or all
        by name.
        """
        data = as_a_whole(self, *check_data(self, x, y, sample_weight))
        heard = CallbackList(callbacks or (), self, {"verbose": verbose})
        started = time.perf_counter()
        means = evaluate(self, data, heard, batch_size)
        if verbose and verbose != "auto":
            steps, seconds = -(-len(data) // (batch_size or 32)), time.perf_counter() - started
            print(line(steps, seconds, means.logs()))
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
        reported, weighted = copy.deepcopy(self.metrics), copy.deepcopy(self.weighted_metrics)
        return Means(reported, weighted, self.loss.prediction)

    def as_inputs(self, x: Any, name: str = "x") -> Array:
        """Check inputs and bring them to the model's dtype; build the model if it is not."""
        one_column = self.input_shape == (1,) and len(shape_of(x) or ()) == 1
        X = as_inputs(np.reshape(x, (-1, 1)) if one_column else x, self._dtype, name)
        with self.lock:
            if not self.built:
                self.build(X.shape[1:])
        if X.shape[1:] != self.input_shape:
            raise ArgumentError(
                f"{name} has rows of shape {X.shape[1:]}, but the model takes {self.input_shape}: "
                f"its first layer is {self.layers[0].name!r}"
            )
        if self.places is not None:
            stack.check(self.layers, X, self.places, name)
        return X

    # looking and keeping

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Print a table of the layers, their output shapes and their parameters, as Keras does."""
        print_fn(summary.table(self))

    @property
    def weights(self) -> list[Array]:
        """All parameters themselves, layer by layer: W, b, W, b …, and what is kept with them."""
        return stack.weights(self.layers)

    @property
    def trainable_weights(self) -> list[Array]:
        """Those of `weights` that training moves."""
        return [value for layer in self.layers for value in layer.trainable_weights] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Array]:
        """Those of `weights` that training leaves alone, or only keeps count in."""
        moving = {id(value) for value in self.trainable_weights}
        return [value for value in self.weights if id(value) not in moving]

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns: "loss" and the metrics."""
        reported = (*self.metrics, *self.weighted_metrics) if self.compiled else ()
        return ["loss", *(metric.name for metric in reported)]

    def count_params(self) -> int:
        """How many numbers the model keeps: those that it learns, and others such as moving averages."""
        self._require_built("count_params")
        return self.parameters.values.size

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

    def _require_built(self, method: str) -> None:
        if not self.built:
            hint = "add layers.Input(shape) first, call build(shape), or fit it"
            raise NotReadyError(f"{method}() needs weights, and the model is not built yet: {hint}")
