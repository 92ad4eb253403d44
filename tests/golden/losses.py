"""Golden values of losses."""

import jax
import keras
import numpy as np
import torch
from peers import TYPES, same_type, use
from sklearn import metrics as sklearn
from torch.nn import functional

REAL_OUT = [[0, 1e-8, -1], [2.5, -3, 1e3], [0.1, 0.2, 0.3], [-7, 7, 0.5], [1, 1, 1], [4, 0, -2]]
REAL_T = [[0, 1, -1], [2, 3, 999], [0.3, 0.2, 0.1], [7, 7, -0.5], [0, 1, 2], [-4, 1, -2]]
LOGITS = [[0, 1, -1], [30, -30, 0.5], [1e3, -1e3, 0], [-2, 0.1, 3], [88, 88, 88], [1e-8, -17.5, 17.5]]
# some are held at Keras's bounds, 1e-7 and 1 − 1e-7, and the rows do not sum to 1
PROBABILITIES = [
    [0.2, 0.3, 0.5], [0.9, 0, 0.1], [1, 1e-9, 0], [0.4, 0.7, 0.6], [1e-4, 0.999, 2e-4], [0.5, 0.5, 1]
]  # fmt: skip
YES_NO = [[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 1, 1], [1, 1, 0], [0, 0, 1]]
LABELS = [0, 1, 0, 2, 1, 2]
WEIGHT = [1, 0.5, 0, 2, 1.5, 3]
# no 1 − t·out is 0, where slopes are a convention
SCORES = [
    [0, 1.5, -0.7],
    [30, -30, 0.5],
    [100, -100, 0.25],
    [-2, 0.1, 3],
    [0.9, 0.8, 0.7],
    [1e-8, -17.5, 17.5],
]
# within what Keras, which takes 1 − p from p, can tell from 1 in float32
NEAR = [[0, 1.5, -0.7], [-1, 0.3, 0.5], [2, -2, 0.25], [-1.2, 0.1, 1.7], [0.9, 0.8, 0.7], [1e-8, -1.75, 1.5]]
# none is exactly at a bound; the right class is never 0
SHARES = [
    [0.2, 0.3, 0.5], [0.1, 0.9, 0], [0.98, 1e-9, 0.02], [0.4, 0.7, 0.6], [1e-4, 0.999, 2e-4], [0.5, 0.5, 0.9]
]  # fmt: skip
POSITIVE = [[0.5, 1e-9, 3], [2.5, 0.1, 1e3], [0.1, 0.2, 0.3], [7, 20, 0.5], [1.2, 1.5, 1e-3], [4, 0.05, 2]]
COUNTS = [[0, 1, 3], [2, 0, 999], [1, 0, 0], [7, 18, 0], [0, 1, 2], [4, 1, 0]]
AMOUNTS = [[0.7, 1, 3.1], [2, 0.2, 999], [1, 1e-3, 4], [7.5, 18, 0.1], [0.3, 1, 2], [4.4, 1, 1e-2]]
ARRAYS = {
    "real": np.array(REAL_OUT, float),
    "logits": np.array(LOGITS, float),
    "probabilities": np.array(PROBABILITIES, float),
    "numbers": np.array(REAL_T, float),
    "yes_no": np.array(YES_NO, float),
    "one_hot": np.eye(3)[LABELS],
    "labels": np.array(LABELS),
    "gaps": np.array([0, -1, 0, 2, -1, 2]),
    "signs": 2 * np.array(YES_NO, float) - 1,
    "scores": np.array(SCORES, float),
    "near": np.array(NEAR, float),
    "shares": np.array(SHARES, float),
    "positive": np.array(POSITIVE, float),
    "counts": np.array(COUNTS, float),
    "amounts": np.array(AMOUNTS, float),
    "wide": np.hstack([NEAR, REAL_OUT]).astype(float),
    "weight": np.array(WEIGHT, float),
}


FOCAL, FOCAL_OF_CLASSES = "BinaryFocalCrossentropy", "CategoricalFocalCrossentropy"
GCE = "CategoricalGeneralizedCrossEntropy"
OTHERS = [  # loss, outputs, targets, options
    ("MeanAbsoluteError", "near", "amounts"),  # nowhere equal, where slopes are a convention
    ("MeanAbsolutePercentageError", "near", "amounts"),
    ("MeanAbsolutePercentageError", "scores", "one_hot"),
    ("MeanSquaredLogarithmicError", "real", "counts"),
    ("MeanSquaredLogarithmicError", "positive", "amounts"),
    ("Huber", "real", "numbers", {}, {"delta": 0.4}, {"delta": 5.0}),
    ("LogCosh", "real", "numbers"),
    ("CosineSimilarity", "near", "amounts"),
    ("CosineSimilarity", "positive", "amounts"),
    ("KLDivergence", "shares", "one_hot"),
    ("KLDivergence", "shares", "shares"),
    ("Poisson", "positive", "counts"),
    ("Poisson", "near", "counts", {"from_log": True}),
    ("Gamma", "positive", "amounts"),
    ("Gamma", "near", "amounts", {"from_log": True}),
    ("Tweedie", "positive", "counts", {}, {"power": 1.2}, {"power": 1.9}),
    ("Tweedie", "near", "amounts", {"from_log": True}, {"from_log": True, "power": 1.1}),
    ("Hinge", "scores", "signs"),
    ("Hinge", "scores", "yes_no"),
    ("SquaredHinge", "scores", "signs"),
    ("SquaredHinge", "near", "yes_no"),
    ("CategoricalHinge", "scores", "one_hot"),
    ("CategoricalHinge", "near", "one_hot"),
    (FOCAL, "shares", "yes_no", {}, {"gamma": 1.5}, {"gamma": 1.0, "label_smoothing": 0.1}),
    (FOCAL, "shares", "yes_no", {"apply_class_balancing": True, "alpha": 0.4}),
    (FOCAL, "near", "yes_no", {"from_logits": True}),
    (FOCAL, "near", "yes_no", {"from_logits": True, "gamma": 3.5, "label_smoothing": 0.2}),
    (FOCAL_OF_CLASSES, "shares", "one_hot", {}, {"gamma": 0.5}, {"alpha": [0.1, 0.5, 2.0]}),
    (FOCAL_OF_CLASSES, "near", "one_hot", {"from_logits": True}),
    (FOCAL_OF_CLASSES, "near", "one_hot", {"from_logits": True, "gamma": 3, "label_smoothing": 0.1}),
    (GCE, "shares", "labels", {}, {"q": 0.2}),
    ("SparseCategoricalCrossentropy", "near", "gaps", {"from_logits": True, "ignore_class": -1}),
    ("SparseCategoricalCrossentropy", "near", "labels", {"from_logits": True, "ignore_class": 0}),
    ("SparseCategoricalCrossentropy", "shares", "gaps", {"ignore_class": -1}),
    ("Quantile", "real", "numbers", {"quantiles": 0.9}, {"quantiles": [0.2]}),
    ("Quantile", "wide", "counts", {"quantiles": [0.1, 0.75]}),
    ("Expectile", "real", "numbers", {"level": 0.8}),
    ("GaussianNegativeLogLikelihood", "wide", "numbers", {}, {"full": True}),
]  # fmt: skip


def losses():
    """For each case the value and the gradient: plain and weighted mean, plain and weighted sum."""
    cases = {}
    for outputs in (1, 3):
        for loss in ("MeanSquaredError", "SumOfSquares", "HalfMeanSquaredError"):
            cases[f"{loss}, {outputs} outputs"] = loss_case(loss, "real", "numbers", outputs)
        add_entropies(cases, "BinaryCrossentropy", "yes_no", outputs)
    add_entropies(cases, "CategoricalCrossentropy", "one_hot", 3)
    add_entropies(cases, "SparseCategoricalCrossentropy", "labels", 3)
    for loss, out, target, *options in OTHERS:
        for option in options or [{}]:
            name = ", ".join([loss, out, target, *(f"{key} {value}" for key, value in option.items())])
            cases[name] = loss_case(loss, out, target, 3, **option)
    for case in cases.values():
        case |= {dtype: loss_by_peers(case, dtype) for dtype in TYPES}
    return {"arrays": ARRAYS, "cases": cases}


def add_entropies(cases, loss, target, outputs):
    for out in ("logits", "probabilities"):
        for smoothing in (0.0, 0.1):
            options = {"from_logits": out == "logits", "label_smoothing": smoothing}
            name = f"{loss}, {outputs} outputs, {out}, smoothing {smoothing}"
            cases[name] = loss_case(loss, out, target, outputs, **options)


def loss_case(loss, out, target, outputs, **options):
    return {"loss": loss, "options": options, "out": out, "target": target, "outputs": outputs}


def loss_by_peers(case, dtype):
    out, T = (ARRAYS[case[key]] for key in ("out", "target"))
    if case["outputs"] == 1:
        out, T = out[:, :1], T[:, :1]
    T = T if T.ndim == 1 else T.astype(dtype)
    found, options = {}, case["options"]
    smoothed = options.get("label_smoothing") and T.ndim == 1  # Keras's sparse loss has no smoothing
    if hasattr(keras.losses, case["loss"]) and not smoothed and "from_log" not in options:
        found["keras"] = loss_by_keras(case, out.astype(dtype), T)
    if torch_samples(case, torch.tensor(out), torch.tensor(T)) is not None:
        found["torch"] = loss_by_torch(case, out.astype(dtype), T)
        check_with_sklearn(case, out, T, found["torch"]["value"][0])
    return found


def check_with_sklearn(case, out, T, value):
    """Hold the formulas below, which are ours, to scikit-learn's deviances."""
    options = case["options"]
    mean = np.exp(out) if options.get("from_log") else np.maximum(out, 1e-7)
    if case["loss"] == "Quantile":
        levels = np.atleast_1d(options["quantiles"])
        q = len(levels)
        each = [sklearn.mean_pinball_loss(T, out[:, k::q], alpha=level) for k, level in enumerate(levels)]
        expected = np.mean(each)
    elif case["loss"] in ("Gamma", "Tweedie"):
        power = 2 if case["loss"] == "Gamma" else options.get("power", 1.5)
        expected = sklearn.mean_tweedie_deviance(T.ravel(), mean.ravel(), power=power)
    else:
        return
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def loss_by_keras(case, out, T):
    use(out.dtype.name)
    make, options, value, gradient = getattr(keras.losses, case["loss"]), dict(case["options"]), [], []
    if case["loss"].startswith("Sparse"):
        options.pop("label_smoothing", None)
    for reduction in ("sum_over_batch_size", "sum"):
        loss = make(**options, reduction=reduction)
        for weight in (None, ARRAYS["weight"].astype(out.dtype)):
            pair = jax.value_and_grad(lambda o, loss=loss, weight=weight: loss(T, o, weight))(out)
            value.append(pair[0])
            gradient.append(pair[1])
    return same_type(out, value=np.array(value), gradient=np.array(gradient))


def loss_by_torch(case, out, T):
    value, gradient = [], []
    for factor in (1 / len(out), 1):
        for weight in (np.ones(len(out)), ARRAYS["weight"]):
            leaf = torch.tensor(out, requires_grad=True)
            samples = torch_samples(case, leaf, torch.tensor(T))
            total = (samples * torch.tensor(weight.astype(out.dtype))).sum() * factor
            total.backward()
            value.append(total.detach().numpy())
            gradient.append(leaf.grad.numpy())
    return same_type(out, value=np.array(value), gradient=np.array(gradient))


def torch_samples(case, out, T):
    """The loss of each sample by PyTorch, or None; the mean of "SumOfSquares" is MSELoss("sum") / n."""
    loss, options = case["loss"], case["options"]
    smoothing = options.get("label_smoothing", 0)
    if case["out"] in ("probabilities", "shares") or "ignore_class" in options:
        return None  # PyTorch keeps log p above −100 instead, and does not divide by the sum
    if loss == "BinaryCrossentropy":
        T = T * (1 - smoothing) + smoothing / 2
        return functional.binary_cross_entropy_with_logits(out, T, reduction="none").mean(1)
    if loss in ("CategoricalCrossentropy", "SparseCategoricalCrossentropy"):
        return functional.cross_entropy(out, T, reduction="none", label_smoothing=smoothing)
    make = TORCH.get(loss)
    return make(out, T, **options) if make else None


def torch_tweedie(out, T, power=1.5, from_log=False):
    mean, p = torch.exp(out) if from_log else out.clamp(1e-7), power
    parts = T ** (2 - p) / ((1 - p) * (2 - p)) - T * mean ** (1 - p) / (1 - p) + mean ** (2 - p) / (2 - p)
    return 2 * parts.mean(1)


def torch_gamma(out, T, from_log=False):
    mean = torch.exp(out) if from_log else out.clamp(1e-7)
    return 2 * (torch.log(mean / T) + T / mean - 1).mean(1)


def torch_quantile(out, T, quantiles):
    levels = torch.tensor(np.atleast_1d(quantiles), dtype=out.dtype).repeat(T.shape[1])
    error = T.repeat_interleave(len(np.atleast_1d(quantiles)), 1) - out
    # PyTorch shares the slope among equal maxima, which is ours
    return torch.maximum(levels * error, (levels - 1) * error).mean(1)


def torch_expectile(out, T, level):
    error = T - out
    level = torch.tensor(level, dtype=out.dtype)
    return (torch.where(error < 0, 1 - level, level) * error**2).mean(1)


def torch_gaussian(out, T, full=False):
    variance = functional.softplus(out[:, 3:], threshold=30) + 1e-6
    options = dict(full=full, eps=1e-30, reduction="none")
    return functional.gaussian_nll_loss(out[:, :3], T, variance, **options).mean(1)


def torch_poisson(out, T, from_log=False):
    return functional.poisson_nll_loss(out, T, log_input=from_log, eps=1e-7, reduction="none").mean(1)


TORCH = {
    "MeanSquaredError": lambda out, T: functional.mse_loss(out, T, reduction="none").mean(1),
    "SumOfSquares": lambda out, T: functional.mse_loss(out, T, reduction="none").sum(1),
    "HalfMeanSquaredError": lambda out, T: functional.mse_loss(out, T, reduction="none").sum(1) / 2,
    "MeanAbsoluteError": lambda out, T: functional.l1_loss(out, T, reduction="none").mean(1),
    "Huber": lambda out, T, delta=1.0: functional.huber_loss(out, T, reduction="none", delta=delta).mean(1),
    "CosineSimilarity": lambda out, T: -functional.cosine_similarity(out, T),
    "Poisson": torch_poisson,
    "Gamma": torch_gamma,
    "Tweedie": torch_tweedie,
    "Quantile": torch_quantile,
    "Expectile": torch_expectile,
    "GaussianNegativeLogLikelihood": torch_gaussian,
}
