"""The training doctor at the side of a training."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from dataclasses import asdict
from typing import Any

from mlp.callbacks.base import Callback, Logs
from mlp.callbacks.monitoring import require_verbose
from mlp.data import Rows
from mlp.doctor.case import Case, rows_of, some_rows
from mlp.doctor.examination import DATA, examine
from mlp.doctor.findings import SEVERITIES, Diagnosis, Finding, wrapped
from mlp.errors import DivergenceError
from mlp.naming import is_integer, require


class TrainingDoctor(Callback):
    """Examine the model before the training, every few epochs and at the end, and say what is wrong at once.

    Each finding is told once, with its numbers, its cause and its cure, as `mlp.doctor.diagnose` finds it;
    if nothing is wrong the last line says so. The training is not disturbed: it ends with the same weights,
    to the bit, and a compiled engine goes on making whole epochs at a time. (Keras has no such callback.)

    Parameters
    ----------
    x, y, sample_weight : optional
        The rows to examine, at most 1000 of them; by default some of those that are trained with. Of data
        that come batch by batch these are the first batch.
    every : int above 0, default 10
        Epochs between two examinations. One takes as long as about ten steps with 1000 rows.
    verbose : {0, 1}, default 1
        Whether to tell; the attributes have it all the same.

    Attributes
    ----------
    diagnosis : Diagnosis or None
        The last.
    findings_by_epoch : dict of int to list of str
        The names of what was found after so many epochs; 0, or `initial_epoch`, is before the training.

    Raises
    ------
    ArgumentError
        If an argument cannot be used; at the beginning of `fit`, if the rows cannot.

    Examples
    --------
    >>> import mlp, numpy as np
    >>> x = np.random.default_rng(0).normal(size=(200, 3))
    >>> model = mlp.Sequential([mlp.layers.Dense(8, "tanh", input_shape=(3,)), mlp.layers.Dense(1)], seed=0)
    >>> model.compile(mlp.optimizers.SGD(1e-6), "mse")
    >>> doctor = TrainingDoctor(every=5, verbose=0)
    >>> history = model.fit(x, x[:, 0] * x[:, 1], epochs=5, callbacks=[doctor], verbose=0)
    >>> doctor.findings_by_epoch
    {0: ['rate_too_low'], 5: ['rate_too_low', 'underfitting']}
    >>> doctor.diagnosis["underfitting"].explained_by
    'rate_too_low'
    """

    every_batch = None
    heard_last = True  # when the history has the epoch, and a callback before may have set the best weights

    def __init__(
        self, x: Any = None, y: Any = None, sample_weight: Any = None, every: int = 10, verbose: int = 1
    ) -> None:
        require(is_integer(every) and every > 0, "every", every, "a positive integer")
        require_verbose(verbose)
        together = x is not None or (y is None and sample_weight is None)
        require(together, "x", x, "given where y or sample_weight is")
        self.x, self.y, self.sample_weight, self.every, self.verbose = x, y, sample_weight, every, verbose
        self._reset()

    def _reset(self) -> None:
        self.diagnosis: Diagnosis | None = None
        self.findings_by_epoch: dict[int, list[str]] = {}
        self._told: dict[str, str] = {}
        self._known: dict[str, list[Finding]] = {}
        self._rows: tuple[Rows, int | None] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._reset()
        run = self.model.run
        if self.x is not None:
            self._rows = rows_of(self._network, self.x, self.y, self.sample_weight)
        elif run is not None:
            self._rows = some_rows(self._network, run.data)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        run = self.model.run  # one that is resumed has begun before
        if not self.findings_by_epoch and (run is None or run.resumption is None):
            self._examine(epoch, True)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if (epoch + 1) % self.every == 0 and epoch + 1 < self.params["epochs"]:
            self._examine(epoch + 1, True)

    def on_train_end(self, logs: Logs | None = None) -> None:
        run = self.model.run
        epochs = self.params["epochs"] if run is None else run.epoch
        self._examine(epochs, False)
        if self.verbose and self.diagnosis is not None and self.diagnosis.healthy:
            hints = f", but for hints ({', '.join(self.diagnosis.names)})" if self.diagnosis.names else ""
            print(f"Training doctor: all is well after {epochs} epochs{hints}.")

    def on_train_failure(self) -> None:
        self._rows = None

    def on_divergence(self, error: DivergenceError) -> bool:
        run = self.model.run
        self._examine(0 if run is None else run.epoch, True)
        return False

    # examining and telling

    @property
    def _network(self) -> Any:
        return self.model

    def _examine(self, epochs: int, running: bool) -> None:
        history = self.model.history
        if self._rows is None:
            return
        rows, total = self._rows
        case = Case(self._network, rows, total, history.history if history else {}, running=running)
        self.diagnosis = examine(case, self._known)
        self.findings_by_epoch[epochs] = self.diagnosis.names
        for finding in self.diagnosis:
            told = self._told.get(finding.name)
            if told is None or SEVERITIES.index(finding.severity) < SEVERITIES.index(told):
                self._told[finding.name] = finding.severity
                self._tell(finding, epochs)
        if not running:
            self._rows = None

    def _tell(self, finding: Finding, epochs: int) -> None:
        if not self.verbose:
            return
        begun = epochs > self.params["initial_epoch"]
        when = f"after epoch {epochs}" if begun else "before the training"
        text = str(finding)
        if finding.explained_by is not None:
            text = f"{finding.explained_by} has led to {finding.name}.\n{wrapped(finding.what, '   ')}"
        print(f"Training doctor, {when}: {text}")

    # going on in another process

    def get_state(self) -> dict[str, Any]:
        return {
            "told": dict(self._told),
            "epochs": [[epochs, list(names)] for epochs, names in self.findings_by_epoch.items()],
            "known": {what: [asdict(one) for one in found] for what, found in self._known.items()},
        }

    def set_state(self, state: dict[str, Any]) -> None:
        self._told = dict(state["told"])
        self.findings_by_epoch = {int(epochs): list(names) for epochs, names in state["epochs"]}
        known = {what: [Finding(**one) for one in found] for what, found in state["known"].items()}
        self._known = {what: found for what, found in known.items() if what in DATA}
