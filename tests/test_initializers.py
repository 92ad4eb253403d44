"""Initializers: seeds, what they promise, names and bad arguments; their moments are in the golden test."""

import numpy as np
import pytest

from mlp import initializers
from mlp.errors import ArgumentError
from mlp.initializers import Constant, Identity, Initializer, Orthogonal

RANDOM = [
    "VarianceScaling", "GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform",
    "LecunNormal", "Orthogonal", "RandomNormal", "TruncatedNormal", "RandomUniform",
]  # fmt: skip


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("name", RANDOM)
def test_seed(name):
    make, stream = getattr(initializers, name), rng()
    seeded, free = make(seed=3), make()
    first, second = seeded(stream, (4, 3)), seeded(stream, (4, 3))
    np.testing.assert_array_equal(first, second)
    assert stream.bit_generator.state == rng().bit_generator.state  # the layer's generator is left alone
    assert (first != make(seed=4)(stream, (4, 3))).any()
    first, second = free(stream, (4, 3)), free(stream, (4, 3))
    assert (first != second).any()
    np.testing.assert_array_equal(first, free(rng(), (4, 3)))
    assert first.dtype == np.float64
    assert seeded.get_config()["seed"] == 3
    assert repr(initializers.deserialize(initializers.serialize(seeded))) == repr(seeded)


def test_truncated_normal_is_cut_at_two_deviations():
    W = initializers.TruncatedNormal(1.0, 0.5)(rng(), (300, 300))
    assert np.abs(W - 1).max() <= 1
    assert np.abs(W - 1).max() > 0.99
    assert initializers.TruncatedNormal()(rng(), ()).shape == ()


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (2, 3, 4), (1, 3)])
def test_orthogonal(shape):
    W = Orthogonal(-0.5)(rng(), shape).reshape(-1, shape[-1])
    narrow = W.T if W.shape[0] < W.shape[1] else W
    np.testing.assert_allclose(narrow.T @ narrow, 0.25 * np.eye(narrow.shape[1]), atol=1e-12)


def test_orthogonal_matrices_of_two_by_two_are_drawn_evenly():
    # a rotation or a reflection by any angle: cos is spread as of an even angle, mean 0 and mean square 1/2
    stream, draw = rng(), Orthogonal()
    drawn = np.array([draw(stream, (2, 2)) for _ in range(4000)])
    assert abs(np.linalg.det(drawn).mean()) < 0.06
    assert np.abs(drawn.mean(axis=0)).max() < 0.05
    assert np.abs(np.square(drawn).mean(axis=0) - 0.5).max() < 0.03
    assert not Orthogonal(0.0)(stream, (3, 3)).any()


def test_an_array_stands_for_itself():
    weights = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(initializers.get(weights)(rng(), (2, 3)), weights)
    assert initializers.get(np.float32(0.5)).value == 0.5
    with pytest.raises(ArgumentError, match=r"value must be a number or of shape \(3, 2\); got \(2, 3\)"):
        initializers.get(weights)(rng(), (3, 2))


def test_names():
    for name in ("he_normal", "HeNormal", "orthogonal", "identity", "normal", "uniform", "zero", "one"):
        assert isinstance(initializers.get(name), Initializer)
    assert initializers.he_normal is initializers.HeNormal
    assert initializers.get({"class_name": "he_normal", "config": {"seed": 5}}).seed == 5
    assert initializers.deserialize("zeros").get_config() == {}
    assert initializers.get("VarianceScaling").get_config() == {
        "scale": 1.0,
        "mode": "fan_in",
        "distribution": "truncated_normal",
        "seed": None,
    }
    with pytest.raises(NotImplementedError):
        Initializer()(rng(), (2, 2))


def test_an_initializer_of_your_own_needs_no_constructor():
    class Half(Initializer):
        def __call__(self, rng, shape):
            return np.full(shape, 0.5)

    assert (initializers.get(Half)(rng(), (2,)) == 0.5).all()
    assert initializers.get(Half()).get_config() == {"seed": None}


SEED = "seed must be an integer of at least 0; got "


@pytest.mark.parametrize(
    ("make", "message"),
    [
        *((lambda name=name: getattr(initializers, name)(seed="a"), SEED + "'a'") for name in RANDOM),
        (lambda: initializers.HeNormal(-1), SEED + "-1"),
        (lambda: initializers.HeNormal(1.5), SEED + r"1\.5"),
        (lambda: initializers.HeNormal(True), SEED + "True"),
        (lambda: initializers.TruncatedNormal(stddev=-1), r"stddev must be a number in \[0, inf\); got -1"),
        (lambda: initializers.TruncatedNormal("x"), "mean must be a number"),
        (
            lambda: initializers.VarianceScaling(distribution="gauss"),
            "distribution must be one of uniform, no",
        ),
        (lambda: Orthogonal("x"), r"gain must be a number in \(-inf, inf\); got 'x'"),
        (lambda: Orthogonal(float("nan")), "gain must be a number"),
        (lambda: Orthogonal()(rng(), (3,)), r"shape must be of at least two axes for Orthogonal; got \(3,\)"),
        (
            lambda: initializers.VarianceScaling(1, np.array(["fan_in", "fan_out"])),
            "mode must be one of fan_in, fan_ou",
        ),
        (
            lambda: initializers.VarianceScaling(distribution=np.array([1, 2])),
            "distribution must be one of uniform, normal",
        ),
        (lambda: Identity(None), "gain must be a number"),
        (lambda: Identity()(rng(), (3,)), r"shape must be of two axes for Identity; got \(3,\)"),
        (lambda: Constant([1, 2])(rng(), (3,)), r"value must be a number or of shape \(3,\); got \(2,\)"),
        (lambda: initializers.get(None), "initializer must be a name, a class or an object of mlp's Init"),
        (
            lambda: initializers.get(lambda shape: 0),
            "initializer must be a name, a class or an object of mlp",
        ),
        (
            lambda: initializers.get("he_norml"),
            r"Did you mean 'he_normal', .*mlp\.utils\.names\('initializer'\)",
        ),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
