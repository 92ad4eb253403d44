"""Golden values of schedules of the learning rate."""

import keras
import numpy as np
import torch
from peers import TYPES, use

STEPS = [*range(25), *range(26, 50, 2), *range(50, 100, 5), 100, 150, 1000]
START = {"initial_learning_rate": 0.3}
KERAS = {
    "CosineDecay": ("CosineDecay", START | {"decay_steps": 40}),
    "CosineDecay, alpha": ("CosineDecay", START | {"decay_steps": 40, "alpha": 0.1}),
    "CosineDecay, warm-up": (
        "CosineDecay",
        START | {"decay_steps": 30, "warmup_target": 0.9, "warmup_steps": 10, "alpha": 0.05},
    ),
    "CosineDecayRestarts": ("CosineDecayRestarts", START | {"first_decay_steps": 6}),
    "CosineDecayRestarts, equal": (
        "CosineDecayRestarts",
        START | {"first_decay_steps": 7, "t_mul": 1.0, "m_mul": 0.7},
    ),
    "CosineDecayRestarts, factors": (
        "CosineDecayRestarts",
        START | {"first_decay_steps": 5.3, "t_mul": 1.5, "m_mul": 0.8, "alpha": 0.1},
    ),
    "ExponentialDecay": ("ExponentialDecay", START | {"decay_steps": 10, "decay_rate": 0.7}),
    "ExponentialDecay, staircase": (
        "ExponentialDecay",
        START | {"decay_steps": 10, "decay_rate": 0.7, "staircase": True},
    ),
    "InverseTimeDecay": ("InverseTimeDecay", START | {"decay_steps": 10, "decay_rate": 0.7}),
    "InverseTimeDecay, staircase": (
        "InverseTimeDecay",
        START | {"decay_steps": 10, "decay_rate": 0.7, "staircase": True},
    ),
    "PiecewiseConstantDecay": (
        "PiecewiseConstantDecay",
        {"boundaries": [5, 20, 60], "values": [0.5, 0.3, 0.1, 0.02]},
    ),
    "PolynomialDecay": ("PolynomialDecay", START | {"decay_steps": 40}),
    "PolynomialDecay, power": (
        "PolynomialDecay",
        START | {"decay_steps": 40, "power": 2.5, "end_learning_rate": 0.01},
    ),
    "PolynomialDecay, cycle": ("PolynomialDecay", START | {"decay_steps": 16, "power": 0.5, "cycle": True}),
}
ONE_CYCLE = {
    "OneCycle": {"total_steps": 50},
    "OneCycle, linear": {
        "total_steps": 40, "pct_start": 0.4, "anneal_strategy": "linear", "div_factor": 10.0,
        "final_div_factor": 100.0,
    },
    "OneCycle, three phases": {"total_steps": 45, "three_phase": True},
}  # fmt: skip


def schedules():
    """η at 50 steps by Keras, and at all steps of a cycle by PyTorch."""
    golden = {"steps": STEPS, "keras": {}, "pytorch": {}}
    for name, (schedule, options) in KERAS.items():
        golden["keras"][name] = {"schedule": schedule, "options": options} | {
            dtype: keras_rates(schedule, options, dtype) for dtype in TYPES
        }
    for name, options in ONE_CYCLE.items():
        golden["pytorch"][name] = {"options": options, "float64": torch_rates(**options)}
    return golden


def keras_rates(schedule, options, dtype):
    use(dtype)
    rate = getattr(keras.optimizers.schedules, schedule)(**options)
    return [np.asarray(rate(step), dtype) for step in STEPS]


def torch_rates(total_steps, **options):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.3, total_steps=total_steps, cycle_momentum=False, **options
    )
    rates = []
    for _ in range(total_steps - 1):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        cycle.step()
    return [*rates, optimizer.param_groups[0]["lr"]]
