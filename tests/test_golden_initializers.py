"""Initializers held to Keras and PyTorch: golden/initializers.json."""

import numpy as np
import pytest
from golden_values import golden

from mlp import initializers

GOLDEN = golden("initializers")
CUT = 0.87962566103423978  # standard deviation of the unit normal without what lies beyond ±2


def fan_of(mode, i, o):
    return {"fan_in": i, "fan_out": o, "fan_avg": (i + o) / 2}[mode]


def expected(name, options, i, o):
    """Mean, standard deviation and largest magnitude by Keras's documented formulas; None is unbounded."""
    mode = {"Glorot": "fan_avg", "He": "fan_in", "Lecun": "fan_in"}
    scale = {"Glorot": 1, "He": 2, "Lecun": 1}
    who = name.removesuffix("Uniform").removesuffix("Normal")
    if who in mode:
        deviation = (scale[who] / fan_of(mode[who], i, o)) ** 0.5
        return 0, deviation, deviation * (3**0.5 if name.endswith("Uniform") else 2 / CUT)
    if name == "VarianceScaling":
        deviation = (options["scale"] / fan_of(options["mode"], i, o)) ** 0.5
        form = options["distribution"]
        ends = {"uniform": 3**0.5, "untruncated_normal": None}.get(form, 2 / CUT)
        return 0, deviation, ends and deviation * ends
    if name == "RandomUniform":
        low, high = options.get("minval", -0.05), options.get("maxval", 0.05)
        return (low + high) / 2, (high - low) / 12**0.5, max(-low, high)
    mean, deviation = options.get("mean", 0), options.get("stddev", 0.05)
    if name == "TruncatedNormal":
        return mean, CUT * deviation, abs(mean) + 2 * deviation
    if name == "RandomNormal":
        return mean, deviation, None
    assert name == "Orthogonal"
    return 0, options.get("gain", 1) / max(i, o) ** 0.5, None


@pytest.mark.parametrize("case", GOLDEN["drawn"].values(), ids=lambda c: f"{c['class']} {c['options']}")
def test_initializer_has_the_moments_of_keras(case):
    name, options = case["class"], case["options"]
    their_mean, their_deviation, their_largest = case["moments"]
    shape = tuple(GOLDEN["shape"])
    mean, deviation, largest = expected(name, options, *shape)
    W = getattr(initializers, name)(**options)(np.random.default_rng(0), shape)
    assert W.shape == shape
    # 270,000 numbers know their deviation to 0.14 %; the tolerance is four times that
    for found in (W.mean(), their_mean):
        assert abs(found - mean) < 4 * deviation / W.size**0.5
    for found in (W.std(), their_deviation):
        assert found == pytest.approx(deviation, rel=0.006)
    if largest is not None:
        for found in (np.abs(W).max(), their_largest):
            assert 0.999 * largest < found <= largest * (1 + 1e-6)


@pytest.mark.parametrize("shape", GOLDEN["singular values of Orthogonal(2.0)"])
def test_orthogonal_has_the_singular_values_of_keras(shape):
    theirs = GOLDEN["singular values of Orthogonal(2.0)"][shape]
    shape = tuple(int(size) for size in shape.strip("[]").split(","))
    W = initializers.Orthogonal(2.0, seed=1)(np.random.default_rng(0), shape)
    assert W.shape == shape
    ours = np.linalg.svd(W.reshape(-1, shape[-1]), compute_uv=False)
    np.testing.assert_allclose(ours, theirs, 1e-9)


@pytest.mark.parametrize("case", GOLDEN["fixed"].values(), ids=lambda case: case["class"])
def test_initializer_without_chance_has_the_values_of_keras(case):
    W = getattr(initializers, case["class"])(**case["options"])(np.random.default_rng(0), np.shape(case["W"]))
    np.testing.assert_array_equal(W, case["W"])


@pytest.mark.parametrize(("shape", "theirs"), GOLDEN["fans"], ids=str)
def test_fans_are_those_of_keras(shape, theirs):
    assert initializers.fans(tuple(shape)) == tuple(theirs)


@pytest.mark.parametrize("name", GOLDEN["names"])
def test_a_name_stands_for_what_it_stands_for_in_keras(name):
    if GOLDEN["names"][name] in ("STFT", "Initializer"):  # of signals; a base class
        return
    assert type(initializers.get(name)).__name__ == GOLDEN["names"][name]
