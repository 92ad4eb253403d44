"""Golden values of metrics: Keras's, and scikit-learn's where Keras has none or is not exact."""

import importlib

import keras
import numpy as np
from peers import use

BATCHES = (5, 3, 7, 1)  # ragged
PROBABILITY = ("yes_no", "outputs")
ONE_HOT = ("one_hot", "softmax")
LABELS = ("labels", "softmax")
NUMBERS = ("numbers", "guesses")
GRID = [0.0, 0.25, 0.5, 0.75, 1.0]
ODD = [0.7, 0.1, 0.35]

# class, options, targets and outputs
CASES = [
    ("Accuracy", {}, ("labels", "predicted")),
    ("BinaryAccuracy", {}, PROBABILITY),
    ("BinaryAccuracy", {"threshold": 0.3}, PROBABILITY),
    ("CategoricalAccuracy", {}, ONE_HOT),
    ("SparseCategoricalAccuracy", {}, LABELS),
    ("TopKCategoricalAccuracy", {"k": 2}, ONE_HOT),
    ("TopKCategoricalAccuracy", {}, ONE_HOT),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, LABELS),
    ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, ("labels", "ranking")),
    *[
        (name, {"thresholds": thresholds}, PROBABILITY)
        for name in ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives")
        for thresholds in (None, 0.3, ODD, GRID)
    ],
    *[
        (name, options, data)
        for name in ("Precision", "Recall")
        for options, data in (
            ({}, PROBABILITY),
            ({"thresholds": ODD}, PROBABILITY),
            ({"thresholds": GRID}, PROBABILITY),
            ({"class_id": 1}, PROBABILITY),
            ({"top_k": 2}, PROBABILITY),
            ({"top_k": 2, "class_id": 2, "thresholds": 0.4}, PROBABILITY),
        )
    ],
    *[
        (name, {argument: 0.6} | options, PROBABILITY)
        for name, argument in (
            ("SensitivityAtSpecificity", "specificity"),
            ("SpecificityAtSensitivity", "sensitivity"),
            ("PrecisionAtRecall", "recall"),
            ("RecallAtPrecision", "precision"),
        )
        for options in ({}, {"num_thresholds": 1}, {"num_thresholds": 7, "class_id": 1})
    ],
    *[
        ("AUC", {"curve": curve, "summation_method": summation} | options, PROBABILITY)
        for curve in ("ROC", "PR", "PRGAIN")
        for summation in ("interpolation", "majoring", "minoring")
        for options in ({}, {"num_thresholds": 7, "multi_label": True})
    ],
    ("AUC", {"thresholds": ODD}, PROBABILITY),
    ("AUC", {"thresholds": ODD, "multi_label": True}, PROBABILITY),
    ("AUC", {"label_weights": [1.0, 0.5, 2.0]}, PROBABILITY),
    ("AUC", {"label_weights": [1.0, 0.5, 2.0], "multi_label": True, "num_labels": 3}, PROBABILITY),
    ("AUC", {"label_weights": [1.0, 0.5, 2.0], "multi_label": True, "curve": "PR"}, PROBABILITY),
    ("AUC", {"from_logits": True}, ("yes_no", "guesses")),
    ("AUC", {"num_thresholds": 5}, ("yes_no", "guesses")),  # outside of 0 to 1
    *[
        (name, {"average": average} | options, PROBABILITY)
        for average in (None, "micro", "macro", "weighted")
        for name, options in (
            ("F1Score", {}),
            ("F1Score", {"threshold": 0.4}),
            ("FBetaScore", {"beta": 2.0}),
            ("FBetaScore", {"beta": 0.5, "threshold": 0.4}),
        )
    ],
    ("BinaryCrossentropy", {}, ("yes_no", "softmax")),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, ("yes_no", "softmax")),
    ("BinaryCrossentropy", {"from_logits": True}, ("yes_no", "guesses")),
    ("CategoricalCrossentropy", {}, ONE_HOT),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, ONE_HOT),
    ("CategoricalCrossentropy", {"from_logits": True}, ("one_hot", "guesses")),
    ("SparseCategoricalCrossentropy", {}, LABELS),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, ("labels", "guesses")),
    ("KLDivergence", {}, ("distribution", "softmax")),
    ("Poisson", {}, ("counts", "outputs")),
    ("Hinge", {}, ("yes_no", "guesses")),
    ("SquaredHinge", {}, ("yes_no", "guesses")),
    ("CategoricalHinge", {}, ("one_hot", "guesses")),
    ("MeanSquaredError", {}, NUMBERS),
    ("RootMeanSquaredError", {}, NUMBERS),
    ("MeanAbsoluteError", {}, NUMBERS),
    ("MeanAbsolutePercentageError", {}, NUMBERS),
    ("MeanSquaredLogarithmicError", {}, ("counts", "outputs")),
    ("LogCoshError", {}, NUMBERS),
    ("CosineSimilarity", {}, NUMBERS),
    ("R2Score", {}, NUMBERS),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, NUMBERS),
    ("R2Score", {"class_aggregation": None}, NUMBERS),
    ("R2Score", {"num_regressors": 2}, ("number", "guess")),
    ("PearsonCorrelation", {}, NUMBERS),
    ("ConcordanceCorrelation", {}, NUMBERS),
    ("IoU", {"num_classes": 3, "target_class_ids": [0, 2]}, ("labels", "predicted")),
    ("IoU", {"num_classes": 3, "target_class_ids": [1], "ignore_class": 0}, ("labels", "predicted")),
    ("MeanIoU", {"num_classes": 3}, ("labels", "predicted")),
    ("MeanIoU", {"num_classes": 3, "sparse_y_pred": False}, LABELS),
    ("OneHotIoU", {"num_classes": 3, "target_class_ids": [0, 2]}, ONE_HOT),
    ("OneHotMeanIoU", {"num_classes": 3}, ONE_HOT),
    ("BinaryIoU", {}, ("yes", "chance")),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.3}, ("yes", "chance")),
]


def metrics():
    """The results after each batch, plain and weighted, and scikit-learn's of all rows."""
    arrays = data()
    golden = {"batches": BATCHES, "arrays": arrays, "results": {}, "at_once": {}, "functions": {}}
    use("float64")
    for name, options, (target, out) in CASES:
        kinds = {"plain": None, "weighted": arrays["weight"]}
        case = {"class": name, "options": options, "target": target, "out": out}
        for kind, weight in kinds.items():
            case[kind] = results(name, options, arrays[target], arrays[out], weight)
        golden["results"][label(name, options, out)] = case
    golden["scikit_learn"] = of_scikit_learn(arrays)
    for name in ("PearsonCorrelation", "ConcordanceCorrelation"):
        metric = getattr(keras.metrics, name)(axis=0)
        metric.update_state(arrays["numbers"], arrays["guesses"])
        golden["at_once"][name] = float(metric.result())
    for name, (target, out), options in (
        ("binary_accuracy", PROBABILITY, {"threshold": 0.3}),
        ("categorical_accuracy", ONE_HOT, {}),
        ("sparse_categorical_accuracy", LABELS, {}),
        ("top_k_categorical_accuracy", ONE_HOT, {"k": 2}),
        ("sparse_top_k_categorical_accuracy", LABELS, {"k": 2}),
        ("pearson_correlation", NUMBERS, {}),
        ("mean_squared_error", NUMBERS, {}),
        ("huber", NUMBERS, {"delta": 0.5}),
    ):
        values = np.asarray(getattr(keras.metrics, name)(arrays[target], arrays[out], **options))
        golden["functions"][name] = {"target": target, "out": out, "options": options, "values": values}
    return golden


def data():
    """Numbers that float32 can hold, so that one set of results serves both types."""
    rng = np.random.default_rng(2)
    rows = sum(BATCHES)
    scores = rng.integers(1, 200, (rows, 3)).astype(float)
    softmax = exact(scores / scores.sum(axis=1, keepdims=True))
    arrays = {
        "outputs": exact(rng.uniform(0, 1, (rows, 3))),
        "softmax": softmax,
        "numbers": exact(rng.normal(0, 2, (rows, 3))),
        "guesses": exact(rng.normal(0, 2, (rows, 3))),
        "yes_no": rng.integers(0, 2, (rows, 3)),
        "labels": (labels := rng.integers(0, 3, rows)),
        "one_hot": np.eye(3, dtype=int)[labels],
        "predicted": np.where(rng.random(rows) < 0.5, labels, rng.integers(0, 3, rows)),
        "ranking": softmax.argsort(axis=1)[:, ::-1],
        "counts": rng.integers(0, 5, (rows, 3)),
        "distribution": (thirds := rng.multinomial(8, [0.2, 0.3, 0.5], rows) / 8),
        "weight": exact(rng.uniform(0, 3, rows)),
    }
    assert (thirds.sum(axis=1) == 1).all()
    arrays["numbers"] = exact(arrays["guesses"] / 2 + arrays["numbers"])
    arrays["number"], arrays["guess"] = arrays["numbers"][:, :1], arrays["guesses"][:, :1]
    arrays["outputs"][0] = [0.5, 0.5, 0.25]  # at the threshold, and the first of two largest
    arrays["outputs"][1] = [0.0, 1.0, 0.0]
    arrays["yes"], arrays["chance"] = arrays["yes_no"][:, :1], arrays["outputs"][:, :1]
    return arrays


def exact(array):
    return np.round(array * 1024) / 1024


def label(name, options, out):
    inside = ", ".join([f"{key}={value}" for key, value in options.items()])
    return f"{name}({inside}) of {out}"


def results(name, options, T, out, weight):
    """Keras's results, of which the IoU family needs to be told to count weights that are no integers."""
    options = dict(options) | ({"dtype": "float64"} if "IoU" in name else {})
    metric, found, start = getattr(keras.metrics, name)(**options), [], 0
    for rows in BATCHES:
        batch = slice(start, start + rows)
        metric.update_state(T[batch], out[batch], None if weight is None else weight[batch])
        found.append(np.asarray(metric.result(), float))
        start += rows
    return found


def of_scikit_learn(arrays):
    """Results of all rows, plain and weighted."""
    ours = importlib.import_module("sklearn.metrics")  # a module of this folder has the name too
    labels, weight = arrays["labels"], arrays["weight"]
    best, binary, p = arrays["softmax"].argmax(axis=1), arrays["yes"][:, 0], arrays["chance"][:, 0]
    softmax = arrays["softmax"] / arrays["softmax"].sum(axis=1, keepdims=True)
    number, guess = arrays["number"], arrays["guess"]
    return {
        kind: {
            "BalancedAccuracy": ours.balanced_accuracy_score(labels, best, sample_weight=w),
            "BalancedAccuracy binary": ours.balanced_accuracy_score(binary, p > 0.5, sample_weight=w),
            "MatthewsCorrelation": ours.matthews_corrcoef(labels, best, sample_weight=w),
            "MatthewsCorrelation binary": ours.matthews_corrcoef(binary, p > 0.5, sample_weight=w),
            **{
                f"CohenKappa {name}": ours.cohen_kappa_score(labels, best, weights=name, sample_weight=w)
                for name in (None, "linear", "quadratic")
            },
            "BrierScore": ours.brier_score_loss(labels, softmax, sample_weight=w, labels=[0, 1, 2]),
            "BrierScore binary": ours.brier_score_loss(binary, p, sample_weight=w),
            "MeanPinballLoss": ours.mean_pinball_loss(number, guess, alpha=0.1, sample_weight=w),
            "R2Score": ours.r2_score(number, guess, sample_weight=w),
            "AUC exact": ours.roc_auc_score(binary, p, sample_weight=w),
            "AUC multi_label": ours.roc_auc_score(arrays["yes_no"], arrays["outputs"], sample_weight=w),
            "F1Score": ours.f1_score(labels, best, average=None, sample_weight=w),
            "F1Score weighted": ours.f1_score(labels, best, average="weighted", sample_weight=w),
            "FBetaScore macro": ours.fbeta_score(labels, best, beta=2.0, average="macro", sample_weight=w),
        }
        for kind, w in (("plain", None), ("weighted", weight))
    }
