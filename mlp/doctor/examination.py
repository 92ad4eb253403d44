"""The examination: all looks at a model and its data, and the diagnosis."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mlp.doctor import curves, data, deltas, outputs, rate, units
from mlp.doctor.case import FEWEST, Case, column_names, history_of, rows_of, targets_of
from mlp.doctor.findings import Diagnosis, Finding
from mlp.evaluation import require_compiled
from mlp.inspection.network import network_of
from mlp.opening import unpacked
from mlp.optimizers import Solver
from mlp.sources import with_class_weight

Look = Callable[[Case], list[Finding]]

# What is looked at, in the words of the report: the function that looks, and what it may find
LOOKS: dict[str, tuple[Look, tuple[str, ...]]] = {
    "scales of the columns": (data.columns, ("unscaled_columns", "constant_columns")),
    "targets": (data.targets, ("constant_targets", "unscaled_targets")),
    "classes": (data.imbalanced_classes, ("imbalanced_classes",)),
    "columns that know the target": (data.perfect_feature, ("perfect_feature",)),
    "last layer and loss": (outputs.wrong_output, ("wrong_output",)),
    "weights that begin alike": (units.symmetric_units, ("symmetric_units",)),
    "units": (units.dead_and_saturated, ("dead_units", "saturated_units")),
    "deltas": (deltas.deltas, ("vanishing_deltas", "exploding_deltas")),
    "trainable": (deltas.nothing_learns, ("nothing_learns",)),
    "learning rate": (rate.learning_rate, ("rate_too_high", "rate_too_low")),
    "predictions": (outputs.predictions, ("constant_predictions", "underfitting", "strong_penalty")),
    "curves": (curves.curves, ("overfitting", "not_converged")),
    "validation": (curves.validation_rows, ("validation_differs", "validation_known")),
}
# looks at what a training does not change
DATA = ("scales of the columns", "targets", "classes", "columns that know the target")
HARMLESS = {  # for a net that has learned its task all the same
    "unscaled_columns", "unscaled_targets", "dead_units", "saturated_units", "vanishing_deltas",
    "exploding_deltas", "wrong_output",
}  # fmt: skip


def diagnose(
    model: Any,
    x: Any,
    y: Any = None,
    validation_data: Any = None,
    history: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
) -> Diagnosis:
    """Say what is wrong with a model, its data or its training, from numbers; also `Sequential.diagnose`.

    Each finding says what was seen, what causes it and what cures it. It may be asked before a training,
    after it, or during it (see `mlp.callbacks.TrainingDoctor`). Nothing about the model changes.

    Parameters
    ----------
    model : Sequential or fitted estimator
        Built and compiled.
    x, y, sample_weight, class_weight : as in `Model.fit`
        What it is trained with, the weights too: with others its loss says little. At most 1000 rows are
        examined, the same each time; of an iterator the first, which are used up.
    validation_data : tuple or batches, optional
        Rows that it is not trained with, as in `Model.fit`.
    history : History or dict, optional
        What `fit` returned; by default the last of the model.

    Returns
    -------
    Diagnosis
        A sequence of `Finding`, the most serious first, consequences after their causes; printed, a report.
        ``"dead_units" in diagnosis`` asks for one.

    Raises
    ------
    NotReadyError
        If the model is not built or not compiled.
    ArgumentError
        If the data cannot be used, because they have NaN for example.

    Notes
    -----
    Found may be: ``unscaled_columns``, ``constant_columns``, ``constant_targets``, ``unscaled_targets``,
    ``imbalanced_classes``, ``perfect_feature`` (a column that knows the target: a leak), ``wrong_output``
    (the last activation, the loss and the targets do not go together), ``symmetric_units``, ``dead_units``,
    ``saturated_units``, ``vanishing_deltas``, ``exploding_deltas``, ``nothing_learns``, ``rate_too_high``,
    ``rate_too_low``, ``constant_predictions``, ``underfitting``, ``strong_penalty``, ``overfitting``,
    ``not_converged``, ``validation_differs`` (rows prepared otherwise, or other classes),
    ``validation_known`` (rows that were trained with) and ``non_finite``.

    The learning rate is judged by six steps that are made with the rows examined, and again at lower rates
    if they throw the loss about; or by steps of many times the length, if they hardly move it. All is put
    back afterwards.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS (2010). K. He et al., "Delving deep into rectifiers", ICCV (2015). Y. LeCun et al., "Efficient
    backprop" (1998). A. Karpathy, "A recipe for training neural networks" (2019).

    Examples
    --------
    >>> import mlp, numpy as np
    >>> x = np.random.default_rng(0).normal(size=(200, 3)) * [1, 1, 5000]
    >>> model = mlp.Sequential([mlp.layers.Dense(8, "tanh", input_shape=(3,)), mlp.layers.Dense(1)], seed=0)
    >>> model.compile("adam", "mse")
    >>> diagnosis = diagnose(model, x, x[:, 0] * x[:, 1])
    >>> diagnosis[0].name, diagnosis[0].where
    ('unscaled_columns', 'columns of x: column 2')
    >>> "saturated_units" in diagnosis, diagnosis["saturated_units"].explained_by
    (True, 'unscaled_columns')
    """
    network = network_of(model)
    require_compiled(network)
    fitted = network is not model
    past = {"loss": getattr(model, "loss_curve_", ())} if fitted else network.history
    past = history_of(past if history is None else history)
    rows, total = rows_of(network, x, targets_of(model, network, y), sample_weight)
    rows, others = with_class_weight(rows, class_weight), None
    if validation_data is not None:
        given, wanted, weight = unpacked(validation_data)
        wanted = targets_of(model, network, wanted)
        others = rows_of(network, given, wanted, weight, where="validation_data: ")[0]
    names = column_names(x, rows[0][0].size)
    return examine(Case(network, rows, total, past, others, names, fitted=fitted))


def examine(case: Case, known: dict[str, list[Finding]] | None = None) -> Diagnosis:
    """All looks at a case, and the diagnosis.

    Parameters
    ----------
    case : Case
    known : dict of str to list of Finding, optional
        What looks at the data have found before, by the keys of `LOOKS`; they are not made again. Those that
        are not in it are put there.
    """
    findings = outputs.non_finite(case)
    looks = {} if findings else LOOKS
    left_out, examined = {}, {"numbers": ["non_finite"]}
    for what, (look, names) in looks.items():
        why = _why_not(case, what)
        if why:
            left_out[what] = why
            continue
        found = known[what] if known and what in known else look(case)
        if known is not None and what in DATA:
            known[what] = found
        findings = findings + found
        examined[what] = list(names)
    if case.is_good:
        findings = [replace(one, severity="hint") if one.name in HARMLESS else one for one in findings]
    return Diagnosis(findings, examined, left_out, _subject(case))


def _why_not(case: Case, what: str) -> str:
    if what == "curves" and len(case.history.get("loss", ())) < FEWEST and case.validation is None:
        return f"fewer than {FEWEST} epochs"
    if what == "validation" and case.validation is None:
        return "no validation_data"
    if what == "predictions" and (case.running or case.steps < outputs.STEPS):
        return "the training is not over" if case.running else "not trained yet"
    if what == "learning rate" and case.fitted:
        return "the estimator makes the steps"
    if what == "learning rate" and not any(layer.updates for layer in case.trace):
        solves = isinstance(case.model.optimizer, Solver)
        return f"{case.trace.optimizer} finds its own steps" if solves else "no weight moves"
    return ""


def _subject(case: Case) -> str:
    n = len(case)
    rows = f"{n} rows" if case.total in (None, n) else f"{n} of {case.total} rows"
    return f"{case.model.name!r} on {rows}"
