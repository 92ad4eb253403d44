"""The way of the weights through a training: a copy of the flat vector for every epoch."""

from mlp.arrays import Array
from mlp.callbacks.base import Callback, Logs
from mlp.naming import is_integer, require


class WeightRecord(Callback):
    """Keep copies of all weights: those before the training, and those after each epoch.

    Pictures of `mlp.plots` are made from it: boundaries that move, histograms by epoch, paths over the loss.

    Parameters
    ----------
    every : int, default 1
        Epochs from one copy to the next. The last epoch is always kept.
    most : int of at least 3, default 200
        When there are more copies, every second is dropped, and from then on twice as many epochs
        lie between two. The memory is at most ``most × count_params()`` numbers of the model's type.

    Attributes
    ----------
    epochs : list of int
        When the copies were made, as numbers of epochs that were over: 0 is before the training, or
        `initial_epoch` in one that goes on.
    values : list of Array of shape (count_params(),)
        The copies of ``model.parameters.values``.

    Raises
    ------
    ArgumentError
        If `every` or `most` is not such a number.

    Notes
    -----
    Each `fit` begins a new record. A run that `BackupAndRestore` resumes goes on with the record of the run
    before: it is in the backup, whose file becomes as many times larger as there are copies. After a
    divergence the record has only epochs that ended well. Averages of the weights, or the best of them,
    that the model is given when the training is over are not in it.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], seed=0)
    >>> model.compile("sgd", "mse")
    >>> record = WeightRecord(every=2)
    >>> history = model.fit([[0.0], [1.0]], [1.0, 3.0], epochs=5, callbacks=[record], verbose=0)
    >>> record.epochs, record.values[0].shape
    ([0, 2, 4, 5], (2,))
    >>> bool((record.at(5) == model.parameters.values).all())
    True
    """

    def __init__(self, every: int = 1, most: int = 200) -> None:
        require(is_integer(every) and every > 0, "every", every, "a positive number of epochs")
        require(is_integer(most) and most > 2, "most", most, "an integer of at least 3")
        self.every, self.most = int(every), int(most)
        self.interval, self.first = self.every, 0
        self.epochs: list[int] = []
        self.values: list[Array] = []

    def at(self, epoch: int) -> Array:
        """The copy that was made after so many epochs; 0 is before the training.

        Raises
        ------
        ArgumentError
            If none was made then.
        """
        require(epoch in self.epochs, "epoch", epoch, f"one of {self.epochs}")
        return self.values[self.epochs.index(epoch)]

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.interval, self.first = self.every, self.params.get("initial_epoch", 0)
        self.epochs, self.values = [], []
        self._keep(self.first)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if (self.epochs[-1] - self.first) % self.interval:  # it was there only as the last
            self.epochs.pop()
            self.values.pop()
        self._keep(epoch + 1)
        if len(self.epochs) > self.most:
            self.interval *= 2
            last = len(self.epochs) - 1
            kept = [k for k in range(last + 1) if k % 2 == 0 or k == last]
            self.epochs, self.values = [self.epochs[k] for k in kept], [self.values[k] for k in kept]

    def _keep(self, epoch: int) -> None:
        self.epochs.append(epoch)
        self.values.append(self.model.parameters.values.copy())
