"""Golden values of activations."""

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
ALPHA = np.array([0.25, 0.0, 1.3, -0.1])  # of the PReLU, one for each unit


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
