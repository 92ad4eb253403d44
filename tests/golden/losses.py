"""Golden values of losses."""

import jax
import keras
import numpy as np
import torch
from peers import TYPES, same_type, use
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
ARRAYS = {
    "real": np.array(REAL_OUT, float),
    "logits": np.array(LOGITS, float),
    "probabilities": np.array(PROBABILITIES, float),
    "numbers": np.array(REAL_T, float),
    "yes_no": np.array(YES_NO, float),
    "one_hot": np.eye(3)[LABELS],
    "labels": np.array(LABELS),
    "weight": np.array(WEIGHT, float),
}


def losses():
    """For each case the value and the gradient: plain and weighted mean, plain and weighted sum."""
    cases = {}
    for outputs in (1, 3):
        for loss in ("MeanSquaredError", "SumOfSquares", "HalfMeanSquaredError"):
            cases[f"{loss}, {outputs} outputs"] = loss_case(loss, "real", "numbers", outputs)
        add_entropies(cases, "BinaryCrossentropy", "yes_no", outputs)
    add_entropies(cases, "CategoricalCrossentropy", "one_hot", 3)
    add_entropies(cases, "SparseCategoricalCrossentropy", "labels", 3)
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
    smoothed = case["options"].get("label_smoothing", 0)
    found = {}
    if hasattr(keras.losses, case["loss"]) and not (
        smoothed and T.ndim == 1
    ):  # Keras's sparse has no smoothing
        found["keras"] = loss_by_keras(case, out.astype(dtype), T)
    if (
        case["out"] != "probabilities"
    ):  # PyTorch keeps log p above −100 instead, and does not divide by the sum
        found["torch"] = loss_by_torch(case, out.astype(dtype), T)
    return found


def loss_by_keras(case, out, T):
    use(out.dtype.name)
    make, options, value, gradient = getattr(keras.losses, case["loss"]), dict(case["options"]), [], []
    if case["loss"].startswith("Sparse"):
        options.pop("label_smoothing")
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
    """The loss of each sample; the mean of "SumOfSquares" is MSELoss(reduction="sum") / n."""
    loss, smoothing = case["loss"], case["options"].get("label_smoothing", 0)
    if loss == "BinaryCrossentropy":
        T = T * (1 - smoothing) + smoothing / 2
        return functional.binary_cross_entropy_with_logits(out, T, reduction="none").mean(1)
    if loss.endswith("CategoricalCrossentropy"):
        return functional.cross_entropy(out, T, reduction="none", label_smoothing=smoothing)
    squares = functional.mse_loss(out, T, reduction="none")
    return {
        "MeanSquaredError": squares.mean(1),
        "SumOfSquares": squares.sum(1),
        "HalfMeanSquaredError": squares.sum(1) / 2,
    }[loss]
