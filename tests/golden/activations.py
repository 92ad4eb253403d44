"""Golden values of activations."""

import functools

import jax
import keras
import numpy as np
import torch
from peers import TYPES, same_type, use
from torch.nn import functional

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
NET = np.concatenate([NET, np.random.default_rng(2).normal(0, 3, (35, 4)).round(3)])  # 200 points
FEW = 20  # rows with which PyTorch and the options are asked, the extremes among them
ALPHA = np.array([0.25, 0.0, 1.3, -0.1])  # of PReLU and Blend, one for each unit

# names of ours with the options that both sides are given; those without any are Keras's whole list
PLAIN = (
    "linear", "sigmoid", "tanh", "relu", "leaky_relu", "softplus", "softmax", "celu", "elu", "exponential",
    "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh", "log_sigmoid", "log_softmax",
    "mish", "relu6", "selu", "silu", "soft_shrink", "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax",
    "squareplus", "tanh_shrink",
)  # fmt: skip
OPTIONS = (
    ("leaky_relu", {"negative_slope": 0.05}),
    ("elu", {"alpha": 0.5}),
    ("elu", {"alpha": 1.7}),
    ("celu", {"alpha": 0.5}),
    ("celu", {"alpha": 2.5}),
    ("gelu", {"approximate": True}),
    ("squareplus", {"b": 0.3}),
    ("hard_shrink", {"threshold": 1.2}),
    ("soft_shrink", {"threshold": 1.2}),
    ("threshold", {"threshold": 0.3, "default_value": -0.4}),
    ("relu", {"negative_slope": 0.1}),
    ("relu", {"max_value": 4.0}),
    ("relu", {"threshold": 1.3}),
    ("relu", {"negative_slope": 0.1, "max_value": 4.0, "threshold": 1.3}),
)


def activations():
    """For each activation f(net) and the vector-Jacobian product with a fixed grad."""
    grad = np.random.default_rng(1).uniform(-2, 2, NET.shape).round(3)
    golden = {"net": NET, "grad": grad, "alpha": ALPHA}
    golden["options"] = {key(name, options): {"name": name} | options for name, options in OPTIONS}
    for dtype in TYPES:
        use(dtype)
        net, G, alpha = (array.astype(dtype) for array in (NET, grad, ALPHA))
        golden[dtype] = {
            "keras": {name: by_jax(f, net, G) for name, f in keras_activations(alpha).items()}
            | {name: by_jax(f, net[:FEW], G[:FEW]) for name, f in keras_options().items()},
            "torch": {name: by_torch(f, net[:FEW], G[:FEW]) for name, f in torch_activations(alpha).items()},
            "dalpha": {name: dalpha(f, net[:FEW], G[:FEW], alpha) for name, f in LEARNED.items()},
        }
    return golden


def key(name, options):
    return f"{name}({', '.join(f'{option}={value}' for option, value in options.items())})"


def keras_activations(alpha):
    # keras.layers.PReLU.call, whose alpha is a variable, with the alpha given
    prelu = {"prelu": lambda net: keras.ops.relu(net) - alpha * keras.ops.relu(-net)}
    return {name: getattr(keras.activations, name) for name in PLAIN} | prelu


def keras_options():
    return {
        key(name, options): functools.partial(getattr(keras.activations, name), **options)
        for name, options in OPTIONS
    }


LEARNED = {
    "prelu": functional.prelu,
    "blend": lambda net, alpha: net + (functional.selu(net) - net) * alpha,
}


def torch_activations(alpha):
    same = (
        "celu", "elu", "gelu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "logsigmoid", "mish",
        "relu", "relu6", "selu", "silu", "softplus", "softsign", "tanhshrink", "sigmoid", "tanh",
    )  # fmt: skip
    ours = {"hardswish": "hard_silu", "hardshrink": "hard_shrink", "hardsigmoid": "hard_sigmoid"}
    ours |= {"hardtanh": "hard_tanh", "logsigmoid": "log_sigmoid", "tanhshrink": "tanh_shrink"}
    learned = {name: functools.partial(f, alpha=torch.tensor(alpha)) for name, f in LEARNED.items()}
    learned["prelu"] = lambda net: functional.prelu(net, torch.tensor(alpha))
    return {ours.get(name, name): getattr(functional, name) for name in same} | {
        "exponential": torch.exp,
        "sine": torch.sin,
        "leaky_relu": lambda net: functional.leaky_relu(net, 0.2),
        "soft_shrink": functional.softshrink,
        "softmax": lambda net: functional.softmax(net, 1),
        "log_softmax": lambda net: functional.log_softmax(net, 1),
        "sparsemax": sparsemax,
        "glu": functional.glu,
        "maxout": lambda net: net.reshape(-1, 2, 2).max(1).values,
        "gelu(approximate=True)": lambda net: functional.gelu(net, approximate="tanh"),
        **learned,
    }


def sparsemax(net):
    """By the paper; Keras 3.15's is wrong where more than one output is above 0."""
    descending = net.sort(dim=1, descending=True).values
    ranks = torch.arange(1, net.shape[1] + 1)
    over = 1 + ranks * descending > descending.cumsum(1)
    tau = ((descending * over).sum(1) - 1) / over.sum(1)
    return torch.relu(net - tau[:, None])


def by_jax(f, net, grad):
    out, backward = jax.vjp(f, jax.numpy.asarray(within(f, net)))
    return rounded(net, out=out, delta=backward(jax.numpy.asarray(grad[:, : out.shape[1]]))[0])


def by_torch(f, net, grad):
    net_tensor = torch.tensor(within(f, net), requires_grad=True)
    out = f(net_tensor)
    out.backward(torch.tensor(grad[:, : out.shape[1]]))
    return rounded(net, out=out.detach().numpy(), delta=net_tensor.grad.numpy())


def within(f, net):
    """The net, but no infinity for e^net."""
    return np.minimum(net, 80) if f in (keras.activations.exponential, torch.exp) else net


def rounded(like, **arrays):
    """The arrays with 11 digits, two more than they are held to."""
    shorten = np.vectorize(lambda value: float(f"{value:.11g}"))
    return {
        name: shorten(array) if array.dtype == np.float64 else array
        for name, array in same_type(like, **arrays).items()
    }


def dalpha(f, net, grad, alpha):
    alpha_tensor = torch.tensor(alpha, requires_grad=True)
    f(torch.tensor(net), alpha_tensor).backward(torch.tensor(grad))
    return alpha_tensor.grad.numpy()
