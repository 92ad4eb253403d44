"""Golden values of optimizers on given gradients."""

import keras
import numpy as np
import torch
from keras import name_scope
from peers import TYPES, compare, use

STEPS = 20
# one layer of two units; or two layers, for rules that treat matrices by their shapes
SMALL = {"dense/kernel": (2, 2), "dense/bias": (2,)}
DEEP = {"dense/kernel": (3, 4), "dense/bias": (4,), "dense_1/kernel": (4, 2), "dense_1/bias": (2,)}
RATE = {"learning_rate": 0.01}
COSINE = {"class_name": "CosineDecay", "config": {"initial_learning_rate": 0.1, "decay_steps": 15}}
FTRL = {
    "learning_rate": 0.1, "learning_rate_power": -0.7, "initial_accumulator_value": 0.3, "beta": 0.2,
    "l1_regularization_strength": 0.05, "l2_regularization_strength": 0.1,
    "l2_shrinkage_regularization_strength": 0.02,
}  # fmt: skip
MUON = {
    "learning_rate": 0.02, "nesterov": False, "rms_rate": None, "ns_steps": 3, "adam_lr_ratio": 0.5,
    "exclude_layers": ["dense_1"], "adam_weight_decay": 0.1, "weight_decay": None, "momentum": 0.8,
}  # fmt: skip
KERAS = {
    "SGD": ("SGD", {"learning_rate": 0.1}),
    "SGD, momentum": ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    "SGD, nesterov": ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    "SGD, clipnorm": ("SGD", {"learning_rate": 0.1, "clipnorm": 1.0}),
    "SGD, clipvalue": ("SGD", {"learning_rate": 0.1, "clipvalue": 0.5}),
    "SGD, global_clipnorm": ("SGD", {"learning_rate": 0.1, "global_clipnorm": 1.0}),
    "SGD, weight_decay": ("SGD", {"learning_rate": 0.1, "momentum": 0.5, "weight_decay": 0.05}),
    "SGD, schedule": ("SGD", {"learning_rate": COSINE, "weight_decay": 0.1}),
    "SGD, average": ("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.8}),
    "SGD, overwriting average": (
        "SGD",
        {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 3},
    ),
    "SGD, accumulation": (
        "SGD",
        {"learning_rate": COSINE, "momentum": 0.5, "gradient_accumulation_steps": 3, "clipnorm": 0.5},
    ),
    "RMSprop": ("RMSprop", RATE),
    "RMSprop, momentum": ("RMSprop", RATE | {"rho": 0.8, "momentum": 0.7}),
    "RMSprop, centered": ("RMSprop", RATE | {"centered": True, "epsilon": 1e-3}),
    "RMSprop, centered, momentum": (
        "RMSprop",
        RATE | {"rho": 0.8, "momentum": 0.7, "centered": True, "epsilon": 1e-2},
    ),
    "Adagrad": ("Adagrad", {"learning_rate": 0.1}),
    "Adagrad, epsilon": (
        "Adagrad",
        {"learning_rate": 0.1, "initial_accumulator_value": 0.0, "epsilon": 1e-2},
    ),
    "Adadelta": ("Adadelta", {"learning_rate": 1.0}),
    "Adadelta, rho": ("Adadelta", {"learning_rate": 0.5, "rho": 0.8, "epsilon": 1e-3}),
    "Adam": ("Adam", RATE),
    "Adam, betas": ("Adam", {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
    "Adam, clipnorm": ("Adam", RATE | {"clipnorm": 0.5}),
    "Adam, amsgrad": ("Adam", {"learning_rate": 0.05, "beta_2": 0.7, "amsgrad": True}),
    "Adam, accumulation, average": (
        "Adam",
        RATE | {"gradient_accumulation_steps": 2, "use_ema": True, "ema_overwrite_frequency": 4},
    ),
    "AdamW": ("AdamW", RATE),
    "AdamW, weight_decay": ("AdamW", RATE | {"weight_decay": 0.3, "global_clipnorm": 1.0}),
    "AdamW, exclusion": ("AdamW", {"learning_rate": 0.05, "weight_decay": 0.6, "decay_factors": {"bias": 0}}),
    "AdamW, amsgrad": ("AdamW", {"learning_rate": 0.05, "beta_2": 0.7, "amsgrad": True}),
    "Adamax": ("Adamax", RATE),
    "Adamax, betas": ("Adamax", RATE | {"beta_1": 0.5, "beta_2": 0.8, "epsilon": 1e-2}),
    "Nadam": ("Nadam", RATE),
    "Nadam, betas": ("Nadam", RATE | {"beta_1": 0.5, "beta_2": 0.8, "epsilon": 1e-2}),
    "Ftrl": ("Ftrl", {"learning_rate": 0.1}),
    "Ftrl, penalties": ("Ftrl", FTRL),
    "Lion": ("Lion", RATE),
    "Lion, betas": ("Lion", RATE | {"beta_1": 0.6, "beta_2": 0.8, "weight_decay": 0.1}),
    "ScheduleFreeAdamW": ("ScheduleFreeAdamW", RATE),
    "ScheduleFreeAdamW, warm-up": (
        "ScheduleFreeAdamW",
        {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.9, "warmup_steps": 8, "weight_decay": 0.1},
    ),
}
KERAS_DEEP = {
    "Lamb": ("Lamb", RATE),
    "Lamb, betas": ("Lamb", RATE | {"beta_1": 0.5, "beta_2": 0.8, "epsilon": 1e-2, "weight_decay": 0.1}),
    "Adafactor": ("Adafactor", {"learning_rate": 0.1}),
    "Adafactor, thresholds": (
        "Adafactor",
        {"learning_rate": COSINE, "beta_2_decay": -0.5, "epsilon_2": 0.5, "clip_threshold": 0.7},
    ),
    "Muon": ("Muon", RATE),
    "Muon, choices": ("Muon", MUON),
}
EPS = {"eps": 1e-7}
PYTORCH = {
    "SGD": lambda p: torch.optim.SGD(p, 0.1),
    "SGD, momentum": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
    "SGD, nesterov": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
    "RMSprop": lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.9, **EPS),
    "RMSprop, momentum": lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.8, momentum=0.7, **EPS),
    "RMSprop, centered": lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.9, eps=1e-3, centered=True),
    "Adagrad": lambda p: torch.optim.Adagrad(p, 0.1, initial_accumulator_value=0.1, **EPS),
    "Adadelta": lambda p: torch.optim.Adadelta(p, 1.0, rho=0.95, **EPS),
    "Adam": lambda p: torch.optim.Adam(p, 0.01, **EPS),
    "Adam, betas": lambda p: torch.optim.Adam(p, 0.05, betas=(0.5, 0.9), eps=1e-3),
    "Adam, amsgrad": lambda p: torch.optim.Adam(p, 0.05, betas=(0.9, 0.7), amsgrad=True, **EPS),
    "AdamW": lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.004, **EPS),
    "Adamax": lambda p: torch.optim.Adamax(p, 0.01, **EPS),
    "Nadam": lambda p: torch.optim.NAdam(p, 0.01, **EPS),
}
# rules that Keras does not have
PYTORCH_ALONE = {
    "RAdam": (
        ("RAdam", RATE | {"epsilon": 1e-7}),
        lambda p: torch.optim.RAdam(p, 0.01, **EPS),
    ),
    "RAdam, betas": (
        ("RAdam", {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
        lambda p: torch.optim.RAdam(p, 0.1, betas=(0.5, 0.9), eps=1e-3),
    ),
    "Rprop": (("Rprop", RATE), lambda p: torch.optim.Rprop(p, 0.01)),
    "Rprop, bounds": (
        (
            "Rprop",
            {"learning_rate": 0.1, "eta_minus": 0.7, "eta_plus": 1.5, "min_step": 0.05, "max_step": 0.2},
        ),
        lambda p: torch.optim.Rprop(p, 0.1, etas=(0.7, 1.5), step_sizes=(0.05, 0.2)),
    ),
}


def optimizers():
    """The parameters after each of 20 steps with given gradients."""
    golden = {}
    for net, shapes, cases in (("small", SMALL, KERAS), ("deep", DEEP, KERAS_DEEP)):
        start, gradients = numbers(shapes)
        golden[net] = {"start": start, "gradients": gradients, "cases": {}}
        for name, (rule, options) in cases.items():
            golden[net]["cases"][name] = {"optimizer": rule, "options": options} | {
                dtype: keras_steps(rule, options, shapes, start, gradients, dtype) for dtype in TYPES
            }
    cases, start, gradients = (golden["small"][key] for key in ("cases", "start", "gradients"))
    for name, make in PYTORCH.items():
        compare(name, cases[name]["float64"], torch_steps(make, start, gradients, "float64"))
    for name, ((rule, options), make) in PYTORCH_ALONE.items():
        cases[name] = {"optimizer": rule, "options": options} | {
            dtype: torch_steps(make, start, gradients, dtype) for dtype in TYPES
        }
    return golden


def numbers(shapes):
    """Parameters to begin with, and a row of gradients for each step: some 0, some tiny."""
    rng = np.random.default_rng(4)
    size = sum(int(np.prod(shape)) for shape in shapes.values())
    gradients = (rng.normal(0, 1, (STEPS, size)) * rng.choice([0.01, 0.3, 2], (STEPS, 1))).round(4)
    gradients[7] = 0
    gradients[12] = (gradients[12] * 1e-5).round(9)
    gradients[:, 1] *= rng.random(STEPS) < 0.5
    return rng.normal(0, 1, size).round(3), gradients


def keras_steps(rule, options, shapes, start, gradients, dtype):
    use(dtype)
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])

    def split(vector):
        parts = np.split(vector, ends[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, shapes.values(), strict=True)]

    variables = []
    for path, part in zip(shapes, split(start), strict=True):
        layer, name = path.split("/")
        with name_scope(layer):
            variables.append(keras.Variable(part, dtype=dtype, name=name))
    optimizer = keras_optimizer(rule, dict(options))
    path = []
    for gradient in gradients.astype(dtype):
        optimizer.apply(split(gradient), variables)
        path.append(np.concatenate([np.ravel(variable.numpy()) for variable in variables]))
    optimizer.finalize_variable_values(variables)
    path.append(np.concatenate([np.ravel(variable.numpy()) for variable in variables]))
    assert path[-1].dtype == dtype
    return path


def keras_optimizer(rule, options):
    factors, rate = options.pop("decay_factors", {}), options["learning_rate"]
    if isinstance(rate, dict):
        options["learning_rate"] = getattr(keras.optimizers.schedules, rate["class_name"])(**rate["config"])
    optimizer = getattr(keras.optimizers, rule)(**options)
    if factors:
        optimizer.exclude_from_weight_decay(var_names=list(factors))
    return optimizer


def torch_steps(make, start, gradients, dtype):
    W = torch.tensor(start, dtype=getattr(torch, dtype), requires_grad=True)
    optimizer, path = make([W]), []
    for gradient in gradients:
        W.grad = torch.tensor(gradient, dtype=W.dtype)
        optimizer.step()
        path.append(W.detach().numpy().copy())
    return [*path, path[-1]]
