"""The data: columns and targets that are hard to learn from, and a column that knows too much."""

from __future__ import annotations  # so that np.random is not loaded for a signature

from collections.abc import Sequence

import numpy as np

from mlp.arrays import Array
from mlp.doctor.case import Case
from mlp.doctor.findings import Finding, listed
from mlp.layers import Concatenate, Embedding, Layer, Residual

# Initial weights keep the size of the signal (Glorot and Bengio, 2010; He et al., 2015): nets are as large as
# the inputs. At 30 every sigmoid and tanh is flat, and the best learning rate is a thousandth of that at 1,
# since the curvature grows with the square (LeCun et al., "Efficient backprop", 1998).
LARGE, HUGE = 30.0, 300.0  # root mean square
SMALL = 0.01  # and the signal is lost beside the bias, whose input is 1
BY_COLUMN = {  # layers whose output k is made of input k alone
    "Activation", "AlphaDropout", "BatchNormalization", "Dropout", "GaussianDropout", "GaussianNoise",
    "Normalization", "Rescaling",
}  # fmt: skip
UNEVEN = 10.0  # times as many rows in the largest class as in the smallest
ENOUGH = 30  # rows from which a column does not separate two classes by chance: 2⁻²⁹ for each column
ALIKE = 0.999  # accuracy, or rank correlation, of a column that knows the target
HELD_OUT = 0.99  # the same of rows that the thresholds were not made from: those beside one may be wrong
OF_NUMBERS = {  # losses of numbers that are met by a linear output
    "Expectile", "HalfMeanSquaredError", "Huber", "LogCosh", "MeanAbsoluteError", "MeanSquaredError",
    "Quantile", "SumOfSquares",
}  # fmt: skip
CANDIDATES = 10  # columns that are looked at for that, those with the strongest relation


def columns(case: Case) -> list[Finding]:
    """Columns that are unscaled or constant."""
    return [*unscaled_columns(case), *constant_columns(case)]


def unscaled_columns(case: Case) -> list[Finding]:
    """`unscaled_columns`: what comes into the first weights is much larger or smaller than 1."""
    found = []
    for path, is_plain in entries(case.model.layers):
        X = case.trace[path].X.reshape(len(case), -1)
        sizes = size_of_columns(X)
        wrong = np.flatnonzero((sizes > LARGE) | ((sizes < SMALL) & (sizes > 0)))
        if wrong.size:
            found.append(_unscaled(case, path, X, sizes, wrong, is_plain))
    return found[:1]


def _unscaled(case: Case, path: str, X: Array, sizes: Array, wrong: Array, is_plain: bool) -> Finding:
    worst = wrong[np.argsort(-np.abs(np.log(sizes[wrong])), kind="stable")]
    is_direct = is_plain and X.shape[1] == case.X[0].size
    names = [_name(case, int(k)) if is_direct else f"input {k} of {path!r}" for k in worst]
    ranges = zip(names, X[:, worst].min(axis=0), X[:, worst].max(axis=0), strict=True)
    texts = [f"{name} from {low:.4g} to {high:.4g}" for name, low, high in ranges]
    usual = sizes[sizes > 0]
    largest, ratio = float(sizes[worst[0]]), float(usual.max() / usual.min())
    severity = "serious" if largest > HUGE else "moderate"
    beside = f" The largest column is {ratio:,.0f} times the smallest." if ratio > 100 else ""
    return Finding(
        "unscaled_columns",
        severity,
        ("columns of x: " if is_direct else "") + listed(names, 5),
        f"{len(worst)} of {X.shape[1]} columns are not scaled: {listed(texts)}; "
        f"the root mean square should be near 1, and is {largest:.4g} in the worst.{beside}",
        "Weights begin at a size that suits inputs near 1; larger ones saturate units and make every "
        "learning rate too high for their weights and too low for the others.",
        _scaling(X),
        {"columns": [int(k) for k in worst], "largest": largest, "ratio": ratio},
    )


def _scaling(X: Array) -> str:
    if X.min() >= 0 and X.max() == 255:
        return "Bring the bytes to 0 … 1: begin the model with layers.Rescaling(1 / 255)."
    return (
        "Standardise them: begin the model with scaling = layers.Normalization(), after scaling.adapt(x); "
        "or use scikit-learn's StandardScaler, fitted to the training data."
    )


def constant_columns(case: Case) -> list[Finding]:
    """`constant_columns`: they are the same in every row."""
    X = case.X.reshape(len(case), -1)
    constant = np.flatnonzero(X.min(axis=0) == X.max(axis=0))
    if not constant.size or len(case) < ENOUGH:
        return []
    names = [_name(case, int(k)) for k in constant]
    return [
        Finding(
            "constant_columns",
            "serious" if constant.size == X.shape[1] else "hint",
            f"columns of x: {listed(names, 5)}",
            f"{constant.size} of {X.shape[1]} columns have the same value in all {len(case)} rows examined.",
            "A column that does not vary says nothing about the target; its weights act as a bias, or not "
            "at all.",
            "Leave such columns out, or see whether something went wrong when they were read.",
            {"columns": constant.tolist()},
        )
    ]


def targets(case: Case) -> list[Finding]:
    """Targets that are constant or unscaled."""
    return constant_targets(case) or unscaled_targets(case)


def constant_targets(case: Case) -> list[Finding]:
    """`constant_targets`: they are the same in every row."""
    if len(case) < ENOUGH or np.isnan(case.T).any() or (case.T[0] != case.T).any():
        return []
    value = ", ".join(f"{t:.4g}" for t in case.T[0, :3]) + ", …" * (case.T.shape[1] > 3)
    return [
        Finding(
            "constant_targets",
            "serious",
            "y",
            f"The target is {value} in all {len(case)} rows examined.",
            "There is nothing to learn from the inputs: a constant meets every target.",
            "See how y was read, and how the rows were cut: of rows sorted by class the first are of one "
            "class. Shuffle before the split.",
        )
    ]


def unscaled_targets(case: Case) -> list[Finding]:
    """`unscaled_targets`: numbers, to be met by an output that begins near 0, are large or tiny."""
    of_numbers = case.loss_name in OF_NUMBERS and case.classes is None
    if not of_numbers or case.target.shape != case.out.shape or "W" not in case.last.parameters:
        return []
    sizes = size_of_columns(case.target)
    wrong = np.flatnonzero((sizes > LARGE) | ((sizes < SMALL) & (sizes > 0)))
    if not wrong.size:
        return []
    k = int(wrong[np.abs(np.log(sizes[wrong])).argmax()])
    t, which = case.target[:, k], "" if case.target.shape[1] == 1 else f" of output {k}"
    mean, deviation = float(t.mean()), float(t.std())
    return [
        Finding(
            "unscaled_targets",
            "serious" if sizes[k] > HUGE else "moderate",
            "y" if not which else f"columns of y: {listed([str(i) for i in wrong], 5)}",
            f"The targets{which} reach from {t.min():.4g} to {t.max():.4g} (mean {mean:.4g}, standard "
            f"deviation {deviation:.3g}), and outputs begin near 0.",
            "Deltas are as large as the targets: steps are too long, or too many are needed to get there."
            if sizes[k] > 1
            else "Errors that small give deltas that small, and the net hardly moves.",
            f"Train with (y - {mean:.4g}) / {deviation:.3g} and turn predictions back; or, if the optimizer "
            f"is Adam, end the model with layers.Rescaling({deviation:.3g}, offset={mean:.4g}).",
            {"mean": mean, "deviation": deviation, "columns": wrong.tolist()},
        )
    ]


def imbalanced_classes(case: Case) -> list[Finding]:
    """`imbalanced_classes`: some are rare, and sample weights do not make up for it."""
    if case.classes is None:
        return []
    weight = np.ones(len(case)) if case.weight is None else case.weight
    number = max(2, case.target.shape[1])
    shares = np.bincount(case.classes, weight, number) / weight.sum()
    least, most = int(shares.argmin()), int(shares.argmax())
    if shares[least] * UNEVEN > shares[most] or len(case) < ENOUGH:
        return []
    if not shares[least]:
        return [_missing_class(case, np.flatnonzero(shares == 0))]
    return [
        Finding(
            "imbalanced_classes",
            "hint",
            f"class {least}",
            f"Class {most} makes up {shares[most]:.1%} of the rows, class {least} {shares[least]:.2%}.",
            f"To say {most} always is right in {shares[most]:.1%} of the rows, so accuracy says little, and "
            "the rare class adds little to the gradient.",
            'Weigh the classes, fit(…, class_weight="balanced"), and judge by AUC or by F1 instead of '
            "accuracy.",
            {"shares": shares.tolist()},
        )
    ]


def _missing_class(case: Case, missing: Array) -> Finding:
    from_one = missing.tolist() == [0] and case.target.shape[1] > 2
    return Finding(
        "imbalanced_classes",
        "hint",
        f"class{'es' * (missing.size > 1)} {listed([str(k) for k in missing])}",
        f"No row examined is of class {listed([str(k) for k in missing])}, for which there is an output.",
        "Labels that begin at 1 leave the output of class 0 without work."
        if from_one
        else "There are more outputs than classes, or the rows were sorted by class before they were cut.",
        "Train with y - 1 and one output less."
        if from_one
        else "Give the last layer as many units as there are classes; shuffle rows before the split.",
        {"missing": missing.tolist()},
    )


def perfect_feature(case: Case) -> list[Finding]:
    """`perfect_feature`: one column alone predicts the target, as one does that was made from it."""
    X = case.X.reshape(len(case), -1)
    places = np.flatnonzero(X.min(axis=0) < X.max(axis=0))
    X = X[:, places]
    if X.shape[1] < 2 or len(case) < ENOUGH or not np.isfinite(case.target).all():
        return []
    if case.classes is None:
        best, score = _nearest_column(X, case.target)
        how = f"a rank correlation of {score:.4f}"
    else:
        best, score = _separating_column(X, case.classes)
        how = f"an accuracy of {score:.1%}, by thresholds on it"
    if score < ALIKE:
        return []
    name = _name(case, int(places[best]))
    return [
        Finding(
            "perfect_feature",
            "moderate",
            f"{name} of x",
            f"It alone predicts the target with {how}.",
            "A column that good was often made from the target, or is known only after it: a leak. The net "
            "then learns that column and fails in use.",
            f"Find out how {name} comes about; leave it out if it will not be known when predictions are "
            "made. If it will, a threshold does without a net.",
            {"column": int(places[best]), "score": score},
        )
    ]


def _nearest_column(X: Array, target: Array) -> tuple[int, float]:
    from scipy.stats import rankdata

    ranks, scores = rankdata(X, axis=0), np.zeros(X.shape[1])
    for t in target.T:
        if t.min() < t.max():
            ranked = rankdata(t)
            with np.errstate(invalid="ignore", divide="ignore"):
                centred = ranks - ranks.mean(axis=0)
                own = ranked - ranked.mean()
                found = centred.T @ own / np.sqrt((centred**2).sum(axis=0) * (own**2).sum())
            scores = np.maximum(scores, np.abs(np.nan_to_num(found)))
    return int(scores.argmax()), float(scores.max())


def _separating_column(X: Array, classes: Array) -> tuple[int, float]:
    from sklearn.feature_selection import f_classif
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.tree import DecisionTreeClassifier

    candidates = np.arange(X.shape[1])
    if X.shape[1] > CANDIDATES:
        with np.errstate(all="ignore"):
            strength = np.nan_to_num(f_classif(X, classes)[0], nan=0.0, posinf=np.inf)
        candidates = np.argsort(-strength, kind="stable")[:CANDIDATES]
    _, classes, counts = np.unique(classes, return_inverse=True, return_counts=True)
    best, score, rare, common = 0, 0.0, int(counts.min()), counts.max() / len(classes)
    if rare < 2:  # what cannot be held out cannot be tested
        return best, score
    tree = DecisionTreeClassifier(max_leaf_nodes=2 * counts.size, class_weight="balanced", random_state=0)
    folds = StratifiedKFold(min(5, rare), shuffle=True, random_state=0)
    for k in candidates.tolist():
        column = X[:, k : k + 1]
        accuracy = float(tree.fit(column, classes).score(column, classes))
        if accuracy >= ALIKE > common:
            scores = cross_val_score(tree, column, classes, cv=folds, scoring="balanced_accuracy")
            held_out = float(scores.mean())
            accuracy = accuracy if held_out >= HELD_OUT else held_out
        if accuracy > score:
            best, score = k, accuracy
    return best, score


# what the examinations share


def size_of_columns(X: Array) -> Array:
    """The root mean square of each column over its elements other than 0; 0 where there are none."""
    counts = np.count_nonzero(X, axis=0)
    squares = np.square(X, dtype=np.float64).sum(axis=0)
    sizes: Array = np.sqrt(squares / np.maximum(counts, 1))
    return sizes


def entries(layers: Sequence[Layer], inside: str = "") -> list[tuple[str, bool]]:
    """The layers whose weights the inputs meet first, by path; and whether each input is a column of x."""
    return _entries(layers, inside, True)[0]


def _entries(layers: Sequence[Layer], inside: str, is_plain: bool) -> tuple[list[tuple[str, bool]], bool]:
    found: list[tuple[str, bool]] = []
    for layer in layers:
        path = f"{inside}{layer.name}"
        if isinstance(layer, Concatenate):
            parts = [_entries(branch, f"{path}.", False) for branch in layer.branches]
            found += [entry for inner, _ in parts for entry in inner]
            if not any(passes for _, passes in parts):
                return found, False
            is_plain = False
        elif isinstance(layer, Residual):
            found += _entries(layer.layers, f"{path}.", is_plain)[0]
        elif isinstance(layer, Embedding):
            return found, False
        elif "W" in layer.parameters:
            return [*found, (path, is_plain)], False
        elif type(layer).__name__ != "Flatten":
            is_plain &= type(layer).__name__ in BY_COLUMN
    return found, True


def _name(case: Case, k: int) -> str:
    if case.names:
        return f"column {case.names[k]!r}"
    shape = case.X.shape[1:]
    return f"column {k}" if len(shape) == 1 else f"input {tuple(int(i) for i in np.unravel_index(k, shape))}"
