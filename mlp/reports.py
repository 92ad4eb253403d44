"""Reports for people: how good predictions are, as a few lines of text."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.datasets import listed
from mlp.metrics.calibration import ExpectedCalibrationError
from mlp.table_model import Importance, Outcome, TableModel

MOST_CLASSES = 20  # in a table of confusions; beyond, the most frequent ones are listed
MOST_COLUMNS = 10  # in a table of columns that mattered
WIDTH = 100  # of a report, in letters
TENTHS = 10  # bins of a table of calibration
SMALLEST = 1e-7  # float32 has no probability between this and 0 that 1 would be told apart from


def score(outcome: Outcome) -> dict[str, float]:
    """How good predictions are: "accuracy" and "log_loss"; or "r2", "mae" and "rmse" in the target's unit.

    Examples
    --------
    >>> score(Outcome([0.0, 2.0, 4.0], [1.0, 2.0, 3.0], []))["r2"]
    0.75
    """
    from sklearn import metrics

    truth, predicted = outcome.truth, outcome.predicted
    if outcome.classes:
        right = np.array(truth, dtype=object) == np.array(predicted, dtype=object)
        return {"accuracy": float(right.mean()), "log_loss": _log_loss(outcome)}
    return {
        "r2": float(metrics.r2_score(truth, predicted)) if len(truth) > 1 else np.nan,
        "mae": float(metrics.mean_absolute_error(truth, predicted)),
        "rmse": float(metrics.root_mean_squared_error(truth, predicted)),
    }


def _log_loss(outcome: Outcome) -> float:
    """Over the rows whose class the model knows."""
    places = {name: k for k, name in enumerate(outcome.classes)}
    known = [row for row, name in enumerate(outcome.truth) if name in places]
    if outcome.probabilities is None or not known:
        return np.nan
    said = outcome.probabilities[known, [places[outcome.truth[row]] for row in known]]
    return float(-np.log(np.clip(said, SMALLEST, 1)).mean())


def score_line(outcome: Outcome) -> str:
    """The score in one line.

    Examples
    --------
    >>> score_line(Outcome([1000.0, 2000.0, 3000.0], [1000.0, 2000.0, 2400.0], []))
    'R² 0.8200, MAE 200, RMSE 346.41'
    """
    scores = score(outcome)
    if outcome.classes:
        return f"accuracy {scores['accuracy']:.4f}"
    return f"R² {scores['r2']:.4f}, MAE {scores['mae']:.5g}, RMSE {scores['rmse']:.5g}"


def report(outcome: Outcome) -> str:
    """The scores with what they compare to; for classes also the calibration and the confusions."""
    line, truth, predicted = score_line(outcome), outcome.truth, outcome.predicted
    if not outcome.classes:
        mean = sum(truth) / len(truth)
        deviation = sum(abs(y - mean) for y in truth) / len(truth)
        return f"{line}\n(always saying the mean, {mean:.5g}, would give R² 0, MAE {deviation:.5g})"
    right = sum(t == p for t, p in zip(truth, predicted, strict=True))
    name, count = Counter(truth).most_common(1)[0]
    usual = f"always saying {name!r} would give {count / len(truth):.4f}"
    lines = [f"{line}  ({right:,} of {len(truth):,}; {usual})"]
    strangers = sorted(set(truth) - set(outcome.classes))
    lines += [f"class {name!r} is unknown to the model, which is always wrong there" for name in strangers]
    lines += [""] * (outcome.probabilities is not None) + calibration(outcome)
    names = [*outcome.classes, *strangers]
    show = confusion_table if len(names) <= MOST_CLASSES else confusion_list
    return "\n".join([*lines, "", show(truth, predicted, names)])


def calibration(outcome: Outcome) -> list[str]:
    r"""Log-loss, calibration error, and how often the model was right beside how sure it was.

    Examples
    --------
    >>> P = np.array([[0.95, 0.05], [0.15, 0.85], [0.25, 0.75], [0.25, 0.75]])
    >>> print("\n".join(calibration(Outcome(list("abab"), list("abbb"), ["a", "b"], P))))
    log-loss 0.4719  (always saying the shares of the classes would give 0.6931)
    calibration error 0.1750
        sure of the answer     rows     sure    right
                70 to 80 %        2    75.0%    50.0%
                80 to 90 %        1    85.0%   100.0%
               90 to 100 %        1    95.0%   100.0%
    """
    if outcome.probabilities is None:
        return []
    shares = np.array(list(Counter(outcome.truth).values())) / len(outcome.truth)
    entropy = float(-(shares * np.log(shares)).sum())
    hits = np.array([t == p for t, p in zip(outcome.truth, outcome.predicted, strict=True)], dtype=float)
    metric = ExpectedCalibrationError(TENTHS)
    error = metric(hits[:, None], outcome.probabilities.max(axis=1)[:, None])
    lines = [
        f"log-loss {score(outcome)['log_loss']:.4f}  "
        f"(always saying the shares of the classes would give {entropy:.4f})",
        f"calibration error {error:.4f}",
        f"{'sure of the answer':>22}{'rows':>9}{'sure':>9}{'right':>9}",
    ]
    for tenth, (rows, sure, right) in enumerate(metric.table.T):
        if rows:
            span = f"{10 * tenth} to {10 * tenth + 10} %"
            lines.append(f"{span:>22}{rows:>9,.0f}{sure / rows:>9.1%}{right / rows:>9.1%}")
    return lines


def out_of_fold(model: TableModel) -> str:
    """The score on rows that were left out of the training of each network, and what the networks are."""
    estimator = model.fitted
    name, count = "accuracy" if model.classes else "R²", len(estimator.member_scores_)
    alone = ""
    if count > 1:
        mean = estimator.member_scores_.mean()
        alone = f"  (each network by itself {mean:.4f} ± {estimator.oof_spread_:.4f})"
    return f"out-of-fold {name} {estimator.oof_score_:.4f}{alone}"


def columns_that_mattered(importances: Sequence[Importance], rows: int, repeats: int, loss_of: str) -> str:
    """The most important columns, a line for each.

    Examples
    --------
    >>> found = [Importance("age", 0.25, 0.01), Importance("name", 0.0, 0.0)]
    >>> print(columns_that_mattered(found, 100, 5, "accuracy"))
    columns that mattered: accuracy lost when one is shuffled, on 100 rows, 5 times
        0.2500 ± 0.0100  age
        without effect: name
    """
    times = "once" if repeats == 1 else f"{repeats} times"
    lines = [f"columns that mattered: {loss_of} lost when one is shuffled, on {rows:,} rows, {times}"]
    mattered = [item for item in importances if item.mean > 0]
    for item in mattered[:MOST_COLUMNS]:
        spread = f" ± {item.deviation:.4f}" if repeats > 1 else ""
        lines.append(f"{item.mean:>10.4f}{spread}  {item.column}")
    if len(mattered) > MOST_COLUMNS:
        lines.append(f"    less: {listed([item.column for item in mattered[MOST_COLUMNS:]], 5)}")
    idle = [item.column for item in importances if item.mean <= 0]
    if idle:
        lines.append(f"    without effect: {listed(idle, 5)}")
    return "\n".join(lines)


def facts(model: TableModel) -> list[str]:
    """What a model predicts, from what, and by which networks, line by line."""
    estimator, names = model.fitted, model.classes
    classes = f", one of {len(names)}: {listed(names, 20)}" if names else ""
    lines = [f"target      {model.target} ({model.task}{classes})"]
    features = estimator.preprocessor_.get_config()["features"]
    for kind, head in (("numeric", "numbers"), ("date", "dates"), ("categorical", "categories")):
        own = [feature for feature in features if feature["kind"] == kind]
        texts = [_described(feature) for feature in own]
        lines += [f"{head:<12}{len(texts)}: {listed(texts, 5)}"] if own else []
    lines += [f"left out    {name}: {why}" for name, why in estimator.ignored_columns_.items()]
    recipe = estimator.recipe_
    count, best = len(estimator.best_epochs_), sorted(estimator.best_epochs_)
    sizes = ", ".join(map(str, recipe.hidden_layer_sizes)) or "no"
    forms = f", which see numbers as {listed(recipe.encodings)}" if len(recipe.encodings) > 1 else ""
    networks = f"{count} network{'s' * (count > 1)} of {sizes} hidden units{forms}"
    epochs = f"; best epochs {best[0] + 1} to {best[-1] + 1} of {recipe.epochs}"
    return [*lines, f"networks    {networks}{epochs}"]


def _described(feature: dict[str, Any]) -> str:
    if feature["kind"] == "categorical":
        embedded = ", embedded" * feature["embedded"]
        return f"{feature['name']} ({len(feature['known'])} different{embedded})"
    return f"{feature['name']} (with gaps)" if feature["gaps"] else str(feature["name"])


def confusion_table(truth: Sequence[str], predicted: Sequence[str], names: Sequence[str]) -> str:
    """A row for each true class, a column for each predicted one; 0 is a dot.

    Examples
    --------
    >>> print(confusion_table(["no", "no", "yes"], ["no", "yes", "yes"], ["no", "yes"]))
    true ↓ predicted →   no  yes
    no                    1    1
    yes                   .    1
    """
    from sklearn.metrics import confusion_matrix

    counts: Array = confusion_matrix(truth, predicted, labels=list(names))
    corner = "true ↓ predicted →"
    left = max(len(corner), min(max(map(len, names)), 30))
    most = max((WIDTH - left) // len(names) - 2, 4)
    widths = [max(min(len(name), most), len(str(counts.max())), 3) for name in names]

    def line(head: str, cells: Sequence[str]) -> str:
        cut = [f"  {_cut(cell, width):>{width}}" for cell, width in zip(cells, widths, strict=True)]
        return f"{_cut(head, left):<{left}}" + "".join(cut)

    rows = [line(name, [str(n) if n else "." for n in row]) for name, row in zip(names, counts, strict=True)]
    return "\n".join([line(corner, names), *rows])


def confusion_list(truth: Sequence[str], predicted: Sequence[str], names: Sequence[str]) -> str:
    """The ten most frequent confusions, for many classes.

    Examples
    --------
    >>> print(confusion_list(["a", "a", "b"], ["b", "b", "b"], ["a", "b"]))
    most frequent confusions (of 2 classes):
         2 × 'a' taken for 'b'
    """
    pairs = Counter((t, p) for t, p in zip(truth, predicted, strict=True) if t != p)
    lines = [f"{count:>6} × {t!r} taken for {p!r}" for (t, p), count in pairs.most_common(10)]
    return "\n".join([f"most frequent confusions (of {len(names)} classes):", *(lines or ["  none"])])


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
