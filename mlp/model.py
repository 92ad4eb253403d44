"""The model: what can be compiled, trained and used, with Keras's methods."""

from __future__ import annotations  # so that np.random is not loaded for a signature

import copy
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mlp import compilation, opening, predicting, summary
from mlp.arrays import Array
from mlp.callbacks import Callback, CallbackList, History
from mlp.callbacks.progress import line
from mlp.engines import choice
from mlp.errors import ArgumentError, MissingPackageError
from mlp.evaluation import Means, check_inputs
from mlp.layers import Layer, stack
from mlp.naming import Part, require, require_bool
from mlp.opening import open_run, train_on_batch
from mlp.optimizers import loops
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
        A callback sets it to end `fit` after the batch in hand.
    epochs_trained : int
        Epochs of all its trainings; its file keeps the number.
    """

    name: str
    dtype: str
    layers: list[Layer]
    parameters: Parameters
    rng: np.random.Generator
    lock: threading.RLock  # while the layers' working memory is in use
    training_lock: threading.RLock  # by the thread that trains; another one waits
    loss: Any
    built = compiled = stop_training = False
    epochs_trained = 0
    _trainable = True
    input_shape: tuple[int, ...] | None = None
    engine: Any = None
    predictor: Any = None
    predictor_for: list[Any]
    answers: dict[tuple[int, ...], Callable[[Array], Array | None]] = {}
    engine_asked, engine_line, n_threads = "auto", "", None
    optimizer: Any = None
    history: History | None = None
    run: Training | None = None  # the one in hand, for callbacks
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
        self.answers = {}
        for part in self.parts:
            part.checked, part.answers = False, self.answers
        picky = any(type(leaf).check is not Layer.check for _, leaf in stack.leaves(self.layers))
        self.places = np.indices(self.input_shape or ()) if picky else None
        self.built = True
        self.let_go()
        self.made_for: list[Any] = []

    def let_go(self) -> None:
        """Let go of what was made ready for the layers, the loss and the optimizer as they were."""
        self.engine = self.predictor = None
        self.answers.clear()

    def ready(self) -> Any:
        """The engine that makes this model's steps; made anew after a change of the model."""
        with self.lock:
            settings = [self.trainable, *choice.settings(self.parts, self.loss)]
            if self.engine is None or choice.differ(settings, self.made_for):
                self.made_for = settings
                stack.connect(self.layers, learns=self.trainable)
                stack.pair(self.loss, self.layers, self._dtype)
                self.optimizer.build(self.parameters)
                self.engine, self.engine_line = choice.choose(
                    self.engine_asked, self.layers, self.loss, self.optimizer, self.lock
                )
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
        engine: str = "auto",
        n_threads: int | None = None,
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
        engine : {"auto", "numba", "numpy"}, default "auto"
            What makes the steps. "numba" compiles them, once for float32 and once for float64, and needs
            ``pip install 'mlp[fast]'``; "numpy" is the reference; "auto" takes "numba" where it is
            installed and has a compiled form of every part. The results agree to rounding.
            `engine_in_use` says which it is and why.
        n_threads : int, optional
            Cores that `fit`, `evaluate` and `predict` use at most; by default what the libraries allow,
            which threadpoolctl changes.

        Raises
        ------
        ArgumentError
            If a name is unknown, or the loss does not suit the last activation (found when built). With
            ``engine="numba"`` also, at the latest in `fit`, if a part has no compiled form.
        MissingPackageError
            With ``engine="numba"`` in `fit`, if Numba is not installed.
        """
        choice.check(engine, n_threads)
        single = "None: a model has one output; weigh its rows by sample_weight. Metrics: metrics=[...]"
        plain = loss_weights is None or isinstance(loss_weights, int | float | list)
        require(plain and loss_weights in (None, 1, [1]), "loss_weights", loss_weights, single)
        rule, loss, *reported = compilation.choose(optimizer, loss, metrics, weighted_metrics, self.optimizer)
        if self.built:
            stack.pair(loss, self.layers, self._dtype)
        self.optimizer, self.loss, rule.owned = rule, loss, True
        self.metrics, self.weighted_metrics = reported
        self.engine_asked, self.n_threads = "numpy" if run_eagerly and engine == "auto" else engine, n_threads
        self.compiled = True
        self.let_go()

    # training and using

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | str | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        time_limit: float | None = None,
        drop_remainder: bool = False,
    ) -> History:
        """Train by one of the three loops of `mlp.optimizers.loops`, or by a solver for the full batch.

        Parameters
        ----------
        x : array-like of shape (n, ...), or other data
            Also memory maps, sparse matrices, frames, Arrow tables, the path of a Parquet file; or batches
            ``(x, y)`` or ``(x, y, sample_weight)`` from an iterator, a function that returns one, or an
            object with ``len`` and ``[]``: see docs/data.md.
        y : array-like of shape (n, o) or (n,), or names of columns of x; None beside batches
        batch_size : int or "full", default 32
            Samples before an update: "full" is gradient descent, 1 stochastic, else minibatch. With a
            solver (`optimizers.LBFGS` …) "full" or left out; an epoch is then one of its iterations.
        epochs : int, default 1
        verbose : 0, 1, 2 or "auto"
            Nothing; a tqdm bar if tqdm is installed, else a line an epoch; always lines. "auto" is 1.
        callbacks : sequence of Callback, optional
        validation_split : float in [0, 1), default 0
            Share of the rows, from the end, that is kept for validation.
        validation_data : tuple or batches, optional
            ``(x, y)`` or ``(x, y, sample_weight)``, of whatever kind; or batches as for x.
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
        time_limit : float, optional
            Seconds after which `fit` ends with the batch in hand. A schedule of the learning rate that
            would not be over by then is run through faster, so that it is. (Keras has none.)
        drop_remainder : bool, default False
            Leave out the rows at the end of an epoch that are no full batch, with `shuffle` others each
            time. Of no effect with batches of 1 or of all rows; not for x that gives batches.

        Ctrl-C ends the training too, after the batch in hand; ``history.interrupted`` then says so.

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
            validation_freq=validation_freq, time_limit=time_limit, drop_remainder=drop_remainder,
        )  # fmt: skip
        return loops.fit(self, x, y, batch_size, shuffle, **options)

    def training(self, x: Any, y: Any = None, **options: Any) -> Training:
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
        """One update with these rows; the loss before it, and the metrics, as in `evaluate`.

        Raises
        ------
        DivergenceError
            If the loss is not finite; the weights are as they were. Or if the weights become infinite.
        """
        return train_on_batch(self, x, y, sample_weight, class_weight).report(return_dict)

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = 0,
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Sequence[Callback] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss, and the metrics if there are any, over all rows, or the first `steps` batches.

        Parameters as in `fit`; the result does not depend on `batch_size`. With ``verbose=1`` or 2
        it is printed in Keras's form. It is the loss, or a list of the loss and the metrics; or all
        by name.
        """
        heard = CallbackList(callbacks or (), self, {"verbose": verbose})
        started = time.perf_counter()
        means, count = opening.evaluation(self, x, y, sample_weight, steps, batch_size)(heard)
        if verbose and verbose != "auto":
            print(line(count, time.perf_counter() - started, means.logs()))
        return means.report(return_dict)

    def test_on_batch(self, x: Any, y: Any, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """`evaluate` for one batch."""
        return self.evaluate(x, y, sample_weight=sample_weight, return_dict=return_dict)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = 0,
        steps: int | None = None,
        callbacks: Sequence[Callback] | None = None,
    ) -> Array:
        """The outputs for all rows.

        Parameters
        ----------
        x : array-like of shape (n, ...), or other data as in `fit`
        batch_size : int, optional
            Rows in one go; by default as many as the cache holds. Of no effect but rounding.
        verbose : optional, taken for Keras's sake; nothing is printed
        steps : int, optional
            Only the first so many batches.
        callbacks : sequence of Callback, optional

        Returns
        -------
        Array of shape (n, o)
        """
        plain = type(x) is np.ndarray and batch_size is None and steps is None and callbacks is None
        answer = self.answers.get(x.shape) if plain and x.dtype == self._dtype else None
        if answer is not None:
            with self.lock:
                out = answer(x)
            if out is not None:
                return out
        return predicting.prediction(self, x, batch_size, steps, callbacks)

    predict_on_batch = __call__ = predict

    def means(self) -> Means:
        """Fresh accumulators for the loss and the metrics."""
        reported, weighted = (
            copy.deepcopy(metrics) if metrics else [] for metrics in (self.metrics, self.weighted_metrics)
        )
        return Means(reported, weighted, self.loss.prediction)

    def as_inputs(self, x: Any, name: str = "x") -> Array:
        """Check inputs and bring them to the model's dtype; build the model if it is not."""
        return check_inputs(self, x, name)

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
    def engine_in_use(self) -> str:
        """One line: which engine makes the steps and, if none is compiled, what is the reason."""
        try:
            return (self.ready() and self.engine_line) if self.built and self.compiled else self.engine_asked
        except (ArgumentError, MissingPackageError) as error:
            return f"none: {error}"
