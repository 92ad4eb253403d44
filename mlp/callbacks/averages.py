"""The moving average of the weights, where the optimizer keeps one, as what is evaluated."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mlp.callbacks.base import Callback, Logs
from mlp.errors import ArgumentError
from mlp.naming import require_bool


class SwapEMAWeights(Callback):
    """Evaluate the moving average of the weights, and go on training with the weights themselves.

    Parameters
    ----------
    swap_on_epoch : bool, default False
        Also have the average in the model from the end of an epoch to the beginning of the next, so
        that callbacks that come after this one, `ModelCheckpoint` for example, see it.

    Raises
    ------
    ArgumentError
        When training or an evaluation begins, if the optimizer has no ``use_ema=True``.

    Notes
    -----
    After `fit` the model has the average, as with ``use_ema=True`` it always does; also if the
    training ended early, where Keras's callback would leave it with the last weights.

    Source: Keras 3, ``keras.callbacks.SwapEMAWeights``; Polyak and Juditsky (1992).

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], seed=0)
    >>> model.compile(mlp.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), "mse")
    >>> x, y = [[0.0], [1.0]], [0.0, 1.0]
    >>> run = model.fit(x, y, epochs=3, validation_data=(x, y), callbacks=[SwapEMAWeights()], verbose=0)
    >>> run.history["val_loss"][-1] == model.evaluate(x, y)
    True
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        require_bool("swap_on_epoch", swap_on_epoch)
        self.swap_on_epoch = swap_on_epoch
        self.swapped = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._require_average()
        self.swapped = False

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._back()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._swap()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.swapped = False  # the average stays

    def on_train_failure(self) -> None:
        self._back()

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._swap()

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._back()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._swap()

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._back()

    def _require_average(self) -> None:
        optimizer = self.model.optimizer
        if not getattr(optimizer, "use_ema", False):
            raise ArgumentError(
                f"SwapEMAWeights needs the moving average of the weights, and {type(optimizer).__name__} "
                "keeps none: make it with use_ema=True"
            )

    def _swap(self) -> None:
        self._require_average()
        optimizer = self.model.optimizer
        # before the first step there is no average; after `fit` the model has it already
        if optimizer.iterations and not optimizer.has_given:
            optimizer.finish()
            self.swapped = True

    def _back(self) -> None:
        if self.swapped:
            self.model.optimizer.resume()
            self.swapped = False


@contextmanager
def averaged(optimizer: Any) -> Iterator[None]:
    """A block in which the model has the moving average of its weights, if the optimizer keeps one.

    So it has what `fit` gives it at the end, and afterwards the weights with which training goes on.
    """
    swaps = getattr(optimizer, "use_ema", False) and optimizer.iterations and not optimizer.has_given
    if swaps:
        optimizer.finish()
    try:
        yield
    finally:
        if swaps:
            optimizer.resume()
