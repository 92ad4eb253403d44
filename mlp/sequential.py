"""The model as a stack of layers: adding, building, copying."""

import copy
import threading
from collections.abc import Iterable, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp import storage, weight_files
from mlp.arrays import Array, fill
from mlp.errors import ArgumentError, NotReadyError
from mlp.files import as_text
from mlp.layers import Input, Layer, stack
from mlp.model import Model
from mlp.naming import describe, require, require_bool
from mlp.randomness import new_generator

if TYPE_CHECKING:
    from mlp.doctor import Diagnosis
    from mlp.inspection import Trace


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
        self.rng, self.lock, self.training_lock = new_generator(seed), threading.RLock(), threading.RLock()
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

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns: "loss" and the metrics."""
        reported = (*self.metrics, *self.weighted_metrics) if self.compiled else ()
        return ["loss", *(metric.name for metric in reported)]

    def trace(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        class_weight: Any = None,
        training: bool = True,
    ) -> "Trace":
        """One pass forward and back with these rows, and all that the delta rule names: net, out, δ, dW …

        The model is afterwards as it was. Parameters as in `train_on_batch`; see `mlp.inspection.trace`.

        Parameters
        ----------
        training : bool, default True
            Whether dropout drops, as in the step that would come next.

        Returns
        -------
        Trace
            Printed, the formulas with their numbers; ``trace["hidden"].delta`` is an array.
        """
        from mlp.inspection.trace import trace  # loaded when someone looks

        return trace(self, x, y, sample_weight, class_weight, training)

    def diagnose(
        self,
        x: Any,
        y: Any = None,
        validation_data: Any = None,
        history: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
    ) -> "Diagnosis":
        """What is wrong with the model, its data or its training: cause and cure, from numbers that it shows.

        The model is afterwards as it was. Parameters as in `fit`; see `mlp.doctor.diagnose`.

        Parameters
        ----------
        history : History or dict, optional
            By default that of the last `fit`.

        Returns
        -------
        Diagnosis
            Printed, a report; ``"dead_units" in diagnosis`` asks for one finding.
        """
        from mlp.doctor import diagnose

        return diagnose(self, x, y, validation_data, history, sample_weight, class_weight)

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

    def save(
        self, filepath: str | PathLike[str], overwrite: bool = True, include_optimizer: bool = True
    ) -> None:
        """Write the model to a file: weights as safetensors, all else as JSON inside it.

        `mlp.models.load_model` reads it and can go on training where this model stands. An
        existing file is replaced in one step, or with ``overwrite=False`` is an error.

        Parameters
        ----------
        filepath : path
            If it ends in ".keras", the file is one of Keras 3, which Keras can load; that needs
            ``pip install 'mlp[keras]'``, and a model whose parts Keras has. Not ".h5", which would promise
            Keras's old form.
        overwrite : bool, default True
        include_optimizer : bool, default True
            Of a Keras file: whether what `compile` was given, and what the optimizer remembers, goes in.

        Raises
        ------
        NotReadyError
            If the model is not built.
        ArgumentError
            If there is a file and `overwrite` is False, or something in the model has no form in such a file.
        ModelFileError
            If the system refuses to write. What was there before is then still there.
        """
        self._require_built("save")
        require_bool("include_optimizer", include_optimizer)
        if as_text(filepath).endswith(".keras"):
            from mlp import keras_files  # which is slow to load, and seldom needed

            keras_files.save(self, filepath, overwrite, include_optimizer)
            return
        hdf5 = str(filepath).endswith(weight_files.HDF5)
        expected = "a name that ends in .mlp for our form, or .keras for Keras's; .h5 is for weights alone"
        require(not hdf5, "filepath", str(filepath), expected)
        with self.lock:  # a step of another thread waits, so that the file is of one moment
            storage.save(self, filepath, overwrite)

    def save_weights(
        self, filepath: str | PathLike[str], overwrite: bool = True, max_shard_size: float | None = None
    ) -> None:
        """Write all parameters to a file, without the architecture: for `load_weights`.

        Parameters
        ----------
        filepath : path
            If it ends in ".weights.h5", the file is one of Keras 3, which needs ``pip install
            'mlp[keras]'``; with any other name, such as "net.weights.mlp", safetensors.
        overwrite : bool, default True
        max_shard_size : None
            Keras's size of parts; here the file is one.

        Raises
        ------
        NotReadyError, ArgumentError, ModelFileError
            As in `save`.
        """
        self._require_built("save_weights")
        weight_files.save_weights(self, filepath, overwrite, max_shard_size)

    def load_weights(self, filepath: str | PathLike[str], skip_mismatch: bool = False) -> None:
        """Set all parameters from a file that `save_weights` or `save`, here or in Keras, wrote.

        Layers are found by their names; in Keras's files by their classes and order, as Keras does it.

        Parameters
        ----------
        filepath : path
        skip_mismatch : bool, default False
            Leave layers as they are for which the file has nothing that fits, and warn.

        Raises
        ------
        NotReadyError
            If the model is not built.
        ArgumentError
            If the weights do not fit the model; none is changed then.
        FileNotFoundError, ModelFileError
            If there is no such file, or it cannot be read.
        """
        self._require_built("load_weights")
        weight_files.load_weights(self, filepath, skip_mismatch)

    def to_json(self, **kwargs: Any) -> str:
        """The architecture as a JSON text, for `mlp.models.model_from_json`; arguments as in `json.dumps`."""
        import json

        return json.dumps(describe(self), **kwargs)

    def _require_built(self, method: str) -> None:
        if not self.built:
            hint = "add layers.Input(shape) first, call build(shape), or fit it"
            raise NotReadyError(f"{method}() needs weights, and the model is not built yet: {hint}")

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
            if name
            not in ("lock", "training_lock", "run", "engine", "predictor", "answers", "parameters", "parts")
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, lock=threading.RLock(), training_lock=threading.RLock())
        self.let_go()
        if self.built:
            self.gather()

    def __copy__(self) -> "Sequential":
        return copy.deepcopy(self)  # two models cannot share one vector of weights

    def __repr__(self) -> str:
        layers = ", ".join(map(repr, self.layers))
        return f"Sequential([{layers}], name={self.name!r}, dtype={self.dtype!r}, seed={self.seed!r})"
