"""Batches from elsewhere that cannot be used, and what cannot be beside them."""

import numpy as np
import pytest
from stream_examples import batch, batches, bits, broken, model, trained_with

from mlp import Sequential, layers, losses
from mlp.errors import ArgumentError, DataError, NotReadyError


def put(value, part, place=(2, 0)):
    def spoil(x, y):
        (x, y)[part][place] = value
        return x, y

    return spoil


RUBBISH = {
    "NaN in x": (put(np.nan, 0), r"batch 17: x must be finite, but x\[2, 0\] is nan"),
    "infinity in x": (put(np.inf, 0), r"batch 17: x must be finite, but x\[2, 0\] is inf"),
    "NaN in y": (put(np.nan, 1), r"batch 17: y .*\[2, 0\] is nan"),
    "NaN in the weights": (lambda x, y: (x, y, np.full(8, np.nan)), "batch 17: sample_weight must be finite"),
    "negative weights": (lambda x, y: (x, y, -np.ones(8)), "batch 17: sample_weight must not be negative"),
    "too few weights": (lambda x, y: (x, y, np.ones(7)), r"batch 17: sample_weight must have shape \(8,\)"),
    "another width": (
        lambda x, y: (x[:, :2], y),
        r"batch 17: x has rows of shape \(2,\), but the model takes",
    ),
    "too many outputs": (lambda x, y: (x, np.hstack([y, y])), "batch 17: y "),
    "fewer targets": (lambda x, y: (x, y[:-1]), "batch 17: x has 8 rows and y has 7"),
    "no rows": (lambda x, y: (x[:0], y[:0]), "batch 17: x has no rows"),
    "one row without its axis": (lambda x, y: (x[0], y[0]), "batch 17: x must have one row a sample"),
    "text": (lambda x, y: (x.astype(str), y), "batch 17: x must be an array of numbers"),
    "complex numbers": (lambda x, y: (x + 1j, y), "batch 17: x must be an array of numbers"),
    "ragged rows": (lambda x, y: ([[1.0, 2.0], [3.0]], y), "batch 17: x .*rows have different lengths"),
    "no targets": (lambda x, y: (x,), r"batch 17: expected \(x, y\) or .*; got tuple of length 1"),
    "x alone": (lambda x, y: x, r"batch 17: expected \(x, y\) or .*; got ndarray"),
    "None": (lambda x, y: None, "batch 17: expected .*; got NoneType"),
    "a dict": (lambda x, y: {"x": x, "y": y}, "batch 17: expected .*; got dict"),
    "too many parts": (lambda x, y: (x, y, None, None), "batch 17: expected .*; got tuple of length 4"),
    "masked elements": (lambda x, y: (np.ma.masked_less(x, 0), y), "batch 17: x has masked elements"),
}


@pytest.mark.parametrize("name", RUBBISH)
def test_rubbish_in_the_middle_is_told_with_its_batch(name):
    spoil, what = RUBBISH[name]
    made = model()
    with pytest.raises(DataError, match=what):
        made.fit(broken(17, spoil), verbose=0)
    assert bits(made) == bits(trained_with(16))


@pytest.mark.parametrize("name", RUBBISH)
def test_rubbish_in_the_first_batch_leaves_the_model_as_it_was(name):
    spoil, what = RUBBISH[name]
    made = model()
    if name not in ("another width", "too many outputs"):  # which are right for a model that is not built
        with pytest.raises(DataError, match=what.replace("batch 17", "batch 1")):
            made.fit(broken(1, spoil), verbose=0)
        assert not made.built


def test_a_tensor_that_cannot_become_an_array_is_told():
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("call detach first")

    with pytest.raises(
        DataError, match="batch 17: it cannot be made an array: RuntimeError: call detach first"
    ):
        model().fit(broken(17, lambda x, y: (Tensor(), y)), verbose=0)


def test_weights_of_a_batch_may_all_be_zero_whatever_the_batches_beside_it():
    for zeros in (range(5, 6), range(1, 9)):
        made = model()
        made.fit(((*batch(k), np.full(8, float(k not in zeros))) for k in range(12)), verbose=0)
        assert made.optimizer.iterations == 12


def test_labels_out_of_range_are_told():
    made = model(loss=losses.SparseCategoricalCrossentropy(from_logits=True), units=3)
    labelled = ((x, np.full(8, 7 if k == 16 else k % 3)) for k, (x, _) in enumerate(batches(30)))
    with pytest.raises(DataError, match=r"batch 17: y .*7"):
        made.fit(labelled, verbose=0)


# beside a stream


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"y": np.ones(3)}, "y must be None"),
        ({"sample_weight": np.ones(3)}, "sample_weight must be None"),
        ({"batch_size": 8}, "batch_size must be None"),
        ({"batch_size": "full"}, "batch_size must be None"),
        ({"validation_split": 0.2}, "validation_split must be 0"),
        ({"class_weight": "balanced"}, "class_weight='balanced' needs all targets at once"),
    ],
)
def test_what_cannot_be_beside_a_stream_is_refused_at_the_door(options, what):
    generator, made = batches(4), model()
    with pytest.raises(ArgumentError, match=what):
        made.fit(generator, verbose=0, **options)
    np.testing.assert_array_equal(next(generator)[0], batch(0)[0])
    assert not made.built


def test_a_model_that_is_not_compiled_says_so():
    with pytest.raises(NotReadyError, match="compile"):
        Sequential([layers.Dense(1)]).fit(batches(2))


def test_targets_are_missing_for_arrays_as_before():
    with pytest.raises(ArgumentError, match="y"):
        model().fit(np.ones((3, 3)), verbose=0)
