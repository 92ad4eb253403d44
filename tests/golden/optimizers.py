"""Golden values of optimizers on given gradients."""

import keras
import numpy as np
import torch
from peers import TYPES, compare, use

STEPS = 20
OPTIMIZERS = {
    "SGD": ("SGD", {"learning_rate": 0.1}),
    "SGD, momentum": ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    "SGD, nesterov": ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    "SGD, clipnorm": ("SGD", {"learning_rate": 0.1, "clipnorm": 1.0}),
    "SGD, clipvalue": ("SGD", {"learning_rate": 0.1, "clipvalue": 0.5}),
    "SGD, global_clipnorm": ("SGD", {"learning_rate": 0.1, "global_clipnorm": 1.0}),
    "SGD, weight_decay": ("SGD", {"learning_rate": 0.1, "momentum": 0.5, "weight_decay": 0.05}),
    "RMSprop": ("RMSprop", {"learning_rate": 0.01}),
    "RMSprop, momentum": ("RMSprop", {"learning_rate": 0.01, "rho": 0.8, "momentum": 0.7}),
    "Adam": ("Adam", {"learning_rate": 0.01}),
    "Adam, betas": ("Adam", {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
    "Adam, clipnorm": ("Adam", {"learning_rate": 0.01, "clipnorm": 0.5}),
    "AdamW": ("AdamW", {"learning_rate": 0.01}),
    "AdamW, weight_decay": ("AdamW", {"learning_rate": 0.01, "weight_decay": 0.3, "global_clipnorm": 1.0}),
}


def optimizers():
    """The six parameters, W (2, 2) then b (2,), after each of 20 steps with given gradients."""
    rng = np.random.default_rng(4)
    gradients = (rng.normal(0, 1, (STEPS, 6)) * rng.choice([0.01, 0.3, 2], (STEPS, 1))).round(4)
    gradients[7] = 0
    start = rng.normal(0, 1, 6).round(3)
    golden = {"start": start, "gradients": gradients, "cases": {}}
    for name, (rule, options) in OPTIMIZERS.items():
        golden["cases"][name] = {"optimizer": rule, "options": options} | {
            dtype: keras_steps(rule, options, start, gradients, dtype) for dtype in TYPES
        }
        if name in TORCH_OPTIMIZERS:
            compare(name, golden["cases"][name]["float64"], torch_steps(name, start, gradients))
    return golden


def keras_steps(rule, options, start, gradients, dtype):
    use(dtype)
    W, b = (keras.Variable(part, dtype=dtype) for part in (start[:4].reshape(2, 2), start[4:]))
    optimizer, path = getattr(keras.optimizers, rule)(**options), []
    for step in gradients.astype(dtype):
        optimizer.apply([step[:4].reshape(2, 2), step[4:]], [W, b])
        path.append(np.concatenate([np.ravel(W.numpy()), b.numpy()]))
    assert path[-1].dtype == dtype
    return path


TORCH_OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, 0.1),
    "SGD, momentum": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
    "SGD, nesterov": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
    "RMSprop": lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.9, eps=1e-7),
    "RMSprop, momentum": lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.8, eps=1e-7, momentum=0.7),
    "Adam": lambda p: torch.optim.Adam(p, 0.01, eps=1e-7),
    "Adam, betas": lambda p: torch.optim.Adam(p, 0.05, betas=(0.5, 0.9), eps=1e-3),
    "AdamW": lambda p: torch.optim.AdamW(p, 0.01, eps=1e-7, weight_decay=0.004),
}


def torch_steps(name, start, gradients):
    W = torch.tensor(start, requires_grad=True)
    optimizer, path = TORCH_OPTIMIZERS[name]([W]), []
    for step in gradients:
        W.grad = torch.tensor(step)
        optimizer.step()
        path.append(W.detach().numpy().copy())
    return path
