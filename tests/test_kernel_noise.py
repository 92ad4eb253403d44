"""The random numbers of a run are those that the layers would draw one after the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlp.engines.kernels.compiler import compiler_for
from mlp.engines.kernels.noise import ROOM, Noise
from mlp.engines.kernels.tape import Tape
from mlp.layers.regularization import draw_normal, draw_words, words_of

PARTS = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 9), st.booleans()), min_size=1, max_size=5)


def noise_of(parts, dtype):
    """Noise of layers (generator, size, normal); the generators, and where each layer's numbers are."""
    generators = [np.random.default_rng(seed) for seed in (3, 4)]
    noise = Tape(compiler_for(np.dtype(dtype)), 1).finish().noise
    return noise, generators, [noise.add(generators[k], size, normal) for k, size, normal in parts]


def one_by_one(parts, dtype, steps):
    """What the layers draw in so many steps, and the generators after it."""
    generators, drawn = [np.random.default_rng(seed) for seed in (3, 4)], []
    for _ in range(steps):
        for k, size, normal in parts:
            numbers = np.empty(size, dtype)
            if normal:
                draw_normal(generators[k], numbers, np.empty(size, dtype))
            else:
                numbers = draw_words(generators[k], words_of(size)).view(np.uint16)[:size]
            drawn.append(numbers)
    return drawn, [rng.bit_generator.state for rng in generators]


def found(noise, parts, places, steps):
    """The numbers where the kernels look for them."""
    for step in range(steps):
        for (_, size, normal), (name, start, stride) in zip(parts, places, strict=True):
            start += step * stride[0]
            kind = noise.tape.dtype if normal else np.uint16
            yield noise.tape._bound[name].view(kind)[start : start + size]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(PARTS, st.lists(st.integers(1, 4), min_size=1, max_size=3))
@settings(max_examples=40, deadline=None)
def test_numbers(dtype, parts, runs):
    noise, generators, places = noise_of(parts, dtype)
    expected, states = one_by_one(parts, dtype, sum(runs))
    for steps in runs:
        noise.draw(steps)
        for numbers in found(noise, parts, places, steps):
            np.testing.assert_array_equal(numbers, expected.pop(0))
    assert [rng.bit_generator.state for rng in generators] == states


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(PARTS, st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_keep_goes_back(dtype, parts, steps):
    noise, generators, _ = noise_of(parts, dtype)
    noise.draw(4)
    noise.keep(steps)
    assert [rng.bit_generator.state for rng in generators] == one_by_one(parts, dtype, steps)[1]


def test_steps_of_a_run_are_limited():
    tape = Tape(compiler_for(np.dtype("float32")), 1)
    noise, rng = Noise(tape), np.random.default_rng(0)
    assert noise.most_steps(10**6) == 10**6
    noise.add(rng, 1000)
    assert noise.most_steps(10**6) == ROOM // 2000
    noise.add(rng, 1000, True)
    assert noise.most_steps(10**6) == ROOM // 6000
    assert noise.most_steps(5) == 5
    noise.add(rng, 10**7)
    assert noise.most_steps(10**6) == 1
