"""Initializers held to Keras and PyTorch: golden/initializers.json."""

import numpy as np
import pytest
from golden_values import golden

import mlp

GOLDEN = golden("initializers")

VARIANCE = {  # Keras's documented formulas for i inputs and o units
    "Glorot": lambda i, o: 2 / (i + o),
    "He": lambda i, o: 2 / i,
    "Lecun": lambda i, o: 1 / i,
}


@pytest.mark.parametrize("name", GOLDEN["moments"])
def test_initializer_has_the_moments_of_keras(name):
    inputs, units = shape = tuple(GOLDEN["shape"])
    _, their_deviation, their_largest = GOLDEN["moments"][name]
    W = getattr(mlp.initializers, name)()(np.random.default_rng(0), shape)
    deviation = VARIANCE[name.removesuffix("Uniform").removesuffix("Normal")](inputs, units) ** 0.5
    # uniform on ±√3 deviations; or cut at 2 deviations, and widened by 1/0.8796 to keep the variance
    largest = deviation * (3**0.5 if name.endswith("Uniform") else 2 / 0.87962566103423978)
    assert W.shape == shape
    # 270,000 numbers know their deviation to 0.14 %; the tolerance is four times that
    assert abs(W.mean()) < 4 * deviation / W.size**0.5
    assert W.std() == pytest.approx(deviation, rel=0.005)
    assert W.std() == pytest.approx(their_deviation, rel=0.005)
    assert 0.999 * largest < np.abs(W).max() <= largest * (1 + 1e-12)
    assert 0.999 * largest < their_largest <= largest * (1 + 1e-6)
