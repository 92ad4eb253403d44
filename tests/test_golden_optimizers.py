"""Optimizers held to Keras and PyTorch: golden/optimizers.json."""

import numpy as np
import pytest
from golden_values import EPS_OF_STEPS, agree, both_types, golden

import mlp
from mlp.layers import Dense
from mlp.parameters import Parameters

GOLDEN = golden("optimizers")

OPTIMIZERS = GOLDEN


@both_types
@pytest.mark.parametrize("name", OPTIMIZERS["cases"])
def test_optimizer(name, dtype):
    # Over these 20 steps PyTorch's RMSprop, ε outside the root, ends 1.4e-4 away from Keras's;
    # its Adam and AdamW, ε on the corrected root, 2.9e-6, and 7.3e-3 with betas of 0.5 and 0.9 and
    # ε = 1e-3; its three kinds of SGD 3e-15.
    case = OPTIMIZERS["cases"][name]
    layer = Dense(2)
    layer.build((2,), np.random.default_rng(0), np.dtype(dtype))
    parameters = Parameters([layer], np.dtype(dtype))
    parameters.values[:] = OPTIMIZERS["start"]
    optimizer = mlp.optimizers.get({"class_name": case["optimizer"], "config": case["options"]})
    optimizer.build(parameters)
    for gradient, theirs in zip(OPTIMIZERS["gradients"], case[dtype], strict=True):
        parameters.gradients[:] = gradient
        optimizer.step()
        agree(parameters.values, theirs, dtype, absolute=EPS_OF_STEPS[dtype])
