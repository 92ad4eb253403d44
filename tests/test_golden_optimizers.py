"""Optimizers held to Keras and PyTorch: golden/optimizers.json."""

import numpy as np
import pytest
from golden_values import EPS_OF_STEPS, agree, both_types, golden

import mlp
from mlp.layers import Dense
from mlp.parameters import Parameters

GOLDEN = golden("optimizers")
CASES = [(net, name) for net in ("small", "deep") for name in GOLDEN[net]["cases"]]
LAYERS = {
    "small": [((2,), Dense(2, name="dense"))],
    "deep": [((3,), Dense(4, name="dense")), ((4,), Dense(2, name="dense_1"))],
}


def parameters(net, dtype):
    for inputs, layer in LAYERS[net]:
        layer.build(inputs, np.random.default_rng(0), np.dtype(dtype))
    return Parameters([layer for _, layer in LAYERS[net]], np.dtype(dtype))


@both_types
@pytest.mark.parametrize(("net", "name"), CASES)
def test_optimizer(net, name, dtype):
    # Over these 20 steps PyTorch's RMSprop, ε outside the root, ends 1.7e-4 away from Keras's and
    # 2.2e-2 if centered; its Adam and AdamW, ε on the corrected root, 2.9e-6, and 7.3e-3 with
    # betas of 0.5 and 0.9 and ε = 1e-3; its Nadam, with other coefficients, 8.3e-3; its Adagrad
    # 7e-9, Adamax 8e-12; SGD and Adadelta 2e-15.
    case = GOLDEN[net]["cases"][name]
    vector = parameters(net, dtype)
    vector.values[:] = GOLDEN[net]["start"]
    optimizer = mlp.optimizers.get({"class_name": case["optimizer"], "config": case["options"]})
    optimizer.build(vector)
    *path, end = case[dtype]
    for gradient, theirs in zip(GOLDEN[net]["gradients"], path, strict=True):
        vector.gradients[:] = gradient
        optimizer.step()
        agree(vector.values, theirs, dtype, absolute=EPS_OF_STEPS[dtype])
    optimizer.finish()
    agree(vector.values, end, dtype, absolute=EPS_OF_STEPS[dtype])
