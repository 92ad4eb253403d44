"""Golden values of single functions: activations, losses, metrics, initializers."""

import jax
import keras
import numpy as np
import torch
from keras.src.backend.common import dtypes
from torch.nn import functional

TYPES = ("float32", "float64")


def use(dtype):
    """Have Keras compute in that type.

    On JAX, Keras narrows float64 to float32 inside tanh, sqrt, mean and others, which costs
    nine digits; on TensorFlow it does not. This gives it TensorFlow's entry of that table.
    """
    keras.backend.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = dtype


NET = np.array(
    [
        [0.0, 1e-8, -1e-8, 1e4],
        [-1e4, 88.0, -88.0, 0.0],
        [88.7, -87.3, 20.5, -20.5],
        [19.5, -19.5, 1e-3, -1e-3],
        [1e4, 1e4, -1e4, -1e4],
        [-88.0, -88.0, -88.0, -88.0],
        [1e-8, 2e-8, 0.0, -1e-8],
        [0.5, -0.5, 1.5, -1.5],
        [-5.0, 5.0, -9.0, 9.0],
        [15.0, -15.0, 36.0, -36.0],
        [-0.031, 0.72, -2.4, 3.3],
        [1.1, 0.09, -0.27, -0.88],
        [-3.7, -0.4, 2.2, 0.6],
        [12.0, 7.7, -6.1, 0.013],
        [-1.0, 1.0, 2.0, -2.0],
    ]
)
ALPHA = np.array([0.25, 0.0, 1.3, -0.1])  # of the PReLU, one for each unit


# activations


def activations():
    """For each activation f(net) and the vector-Jacobian product with a fixed grad."""
    grad = np.random.default_rng(1).uniform(-2, 2, NET.shape).round(3)
    golden = {"net": NET, "grad": grad, "alpha": ALPHA}
    for dtype in TYPES:
        use(dtype)
        net, G, alpha = (array.astype(dtype) for array in (NET, grad, ALPHA))
        golden[dtype] = {
            "keras": {name: by_jax(f, net, G) for name, f in keras_activations(alpha).items()},
            "torch": {name: by_torch(f, net, G) for name, f in torch_activations(alpha).items()},
        }
        golden[dtype]["dalpha"] = dalpha(net, G, alpha)
    return golden


def keras_activations(alpha):
    names = ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "softplus", "softmax")
    # keras.layers.PReLU.call, whose alpha is a variable, with the alpha given
    prelu = {"prelu": lambda net: keras.ops.relu(net) - alpha * keras.ops.relu(-net)}
    return {name: getattr(keras.activations, name) for name in names} | prelu


def torch_activations(alpha):
    return {
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leaky_relu": lambda net: functional.leaky_relu(net, 0.2),
        "prelu": lambda net: functional.prelu(net, torch.tensor(alpha)),
        "softplus": functional.softplus,
        "softmax": lambda net: functional.softmax(net, 1),
    }


def by_jax(f, net, grad):
    out, backward = jax.vjp(f, jax.numpy.asarray(net))
    return same_type(net, out=out, delta=backward(jax.numpy.asarray(grad))[0])


def by_torch(f, net, grad):
    net_tensor = torch.tensor(net, requires_grad=True)
    out = f(net_tensor)
    out.backward(torch.tensor(grad))
    return same_type(net, out=out.detach().numpy(), delta=net_tensor.grad.numpy())


def dalpha(net, grad, alpha):
    alpha_tensor = torch.tensor(alpha, requires_grad=True)
    functional.prelu(torch.tensor(net), alpha_tensor).backward(torch.tensor(grad))
    return alpha_tensor.grad.numpy()


def same_type(like, **arrays):
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    assert all(array.dtype == like.dtype for array in arrays.values())
    return arrays


# losses

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


# metrics

BATCHES = (5, 3, 7, 1)  # ragged
METRICS = {
    "BinaryAccuracy": ("yes_no", "outputs"),
    "CategoricalAccuracy": ("one_hot", "outputs"),
    "SparseCategoricalAccuracy": ("labels", "outputs"),
    "MeanAbsoluteError": ("numbers", "outputs"),
    "MeanSquaredError": ("numbers", "outputs"),
}


def metrics():
    """The result after each batch, plain and weighted."""
    rng = np.random.default_rng(2)
    rows = sum(BATCHES)
    arrays = {
        "outputs": rng.uniform(0, 1, (rows, 3)).round(3),
        "numbers": rng.normal(0, 2, (rows, 3)).round(3),
        "yes_no": rng.integers(0, 2, (rows, 3)),
        "labels": (labels := rng.integers(0, 3, rows)),
        "one_hot": np.eye(3, dtype=int)[labels],
        "weight": rng.uniform(0, 3, rows).round(2),
    }
    arrays["outputs"][0] = [0.5, 0.5, 0.25]  # at the threshold, and the first of two largest
    golden = {"batches": BATCHES, "arrays": arrays, "results": {}}
    use("float64")
    for name, (target, out) in METRICS.items():
        golden["results"][name] = {"target": target} | {
            kind: metric_results(name, arrays[target], arrays[out], weight)
            for kind, weight in (("plain", None), ("weighted", arrays["weight"]))
        }
    return golden


def metric_results(name, T, out, weight):
    metric, results, start = getattr(keras.metrics, name)(), [], 0
    for rows in BATCHES:
        batch = slice(start, start + rows)
        metric.update_state(T[batch], out[batch], None if weight is None else weight[batch])
        results.append(float(metric.result()))
        start += rows
    return results


# initializers

SHAPE = (300, 900)  # inputs, units
INITIALIZERS = [f"{who}{how}" for who in ("Glorot", "He", "Lecun") for how in ("Uniform", "Normal")]


def initializers():
    """Mean, standard deviation and largest magnitude of Keras's weights, in float64."""
    use("float64")
    golden = {"shape": SHAPE, "moments": {}}
    for name in INITIALIZERS:
        W = np.asarray(getattr(keras.initializers, name)(seed=3)(SHAPE))
        golden["moments"][name] = [float(W.mean()), float(W.std()), float(np.abs(W).max())]
    return golden
