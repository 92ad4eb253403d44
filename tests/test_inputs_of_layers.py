"""What a layer cannot take is refused at the door of the model, by its row, column and value."""

import numpy as np
import pytest
from refusals import state

from mlp import Sequential, layers
from mlp.errors import ArgumentError

X = np.array([[0, 1, 2], [2, 2, 1], [1, 0, 0], [2, 1, 0]] * 3, float)
T = X[:, :1]
Columns, Dense, Embedding, Flatten = layers.Columns, layers.Dense, layers.Embedding, layers.Flatten
STACKS = {
    "first": lambda: [Embedding(3, 2), Flatten()],
    "after others that pass on": lambda: [
        layers.Identity(),
        layers.RepeatVector(2),
        layers.Permute((2, 1)),
        layers.Reshape((6,)),
        layers.ActivityRegularization(),
        Embedding(3, 2),
        Flatten(),
    ],
    "in a branch": lambda: [
        layers.Concatenate([[Columns([1, 2]), Columns([-1, 0]), Embedding(3, 2), Flatten()], Columns(0)])
    ],
    "after branches": lambda: [layers.Concatenate([[], Columns([2, 1])]), Embedding(3, 2), Flatten()],
    "in a block": lambda: [layers.Residual([Embedding(3, 1), Flatten()])],
}
WAYS = {
    "fit": lambda model, x: model.fit(x, T, batch_size=2, epochs=2, shuffle=False, verbose=0),
    "validation": lambda model, x: model.fit(X, T, validation_data=(x, T), verbose=0),
    "train_on_batch": lambda model, x: model.train_on_batch(x, T),
    "evaluate": lambda model, x: model.evaluate(x, T),
    "predict": lambda model, x: model.predict(x, batch_size=2),
}


def network(make) -> Sequential:
    model = Sequential([layers.Input(3), *make(), Dense(1)], seed=0)
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize("use", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("make", STACKS.values(), ids=STACKS)
@pytest.mark.parametrize("wrong", [3, -1, 0.5, 1e30])
def test_a_bad_index_is_refused_before_anything_moves(make, use, wrong):
    model = network(make)
    use(model, X)
    bad, before = X.copy(), state(model)
    bad[9, 2] = wrong
    message = r"layer 'embedding' takes integers from 0 to 2, but in row 9 of .*x, column 2, it got "
    with pytest.raises(ArgumentError, match=message):
        use(model, bad)
    assert state(model) == before
    use(model, X)


def test_the_place_in_a_row_of_a_higher_rank():
    model = Sequential([layers.Input((2, 3)), Flatten(), Embedding(5, 2), Flatten(), Dense(1)])
    x = np.zeros((4, 2, 3))
    x[3, 1, 2] = 5
    with pytest.raises(ArgumentError, match=r"in row 3 of x, column \(1, 2\), it got 5\.0"):
        model.predict(x)


@pytest.mark.parametrize("below", [lambda X: X * 2, lambda X: X + 0.5, lambda X: X - 1])
def test_what_other_layers_make_is_checked_batch_by_batch(below):
    """After a function nobody can know at the door; and so after one that was put below later."""
    embedding = Embedding(3, 2)
    model = Sequential([layers.Input(3), embedding])
    model.predict(X)
    assert embedding.checked
    model.pop()
    moved = Sequential([layers.Input(3), layers.Lambda(below), embedding, Flatten(), Dense(1)])
    assert not embedding.checked
    with pytest.raises(ArgumentError, match=r"takes integers from 0 to 2, but in row . of the batch, column"):
        moved.predict(X)
