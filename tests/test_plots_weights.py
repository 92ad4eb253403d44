"""`plots.weight_images`: each unit's weights as an image, or bars or a heat map if there are no pixels."""

import numpy as np
import pytest

from mlp import MLPRegressor, Sequential, layers, plots
from mlp.errors import ArgumentError, NotReadyError


def net(inputs, *units):
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    stack = [layers.Flatten()] if len(inputs) > 1 else []
    return Sequential([layers.Input(inputs), *stack, *(layers.Dense(u, "relu") for u in units)], seed=0)


def images(figure):
    return {axes.get_title(): np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images}


def test_a_square_of_pixels():
    model = net(64, 6, 1)
    figure = plots.weight_images(model)
    W = model.layers[0].W
    for k in range(6):
        np.testing.assert_array_equal(images(figure)[f"unit {k}"], W[:, k].reshape(8, 8))
    largest = float(np.abs(W).max())
    assert {axes.images[0].get_clim() for axes in figure.axes if axes.images} == {(-largest, largest)}
    assert figure.axes[-1].get_ylabel() == "weight"


def test_other_shapes():
    assert images(plots.weight_images(net(12, 2), shape=(3, 4)))["unit 1"].shape == (3, 4)
    assert images(plots.weight_images(net((5, 7), 2)))["unit 1"].shape == (5, 7)  # of two axes


def test_what_is_square_by_chance_is_no_image():
    model = net(25, 64, 5)
    assert images(plots.weight_images(model, most=64))["Weights of 'dense'"].shape == (25, 64)
    with pytest.warns(UserWarning, match="40 of the 64 inputs"):
        found = images(plots.weight_images(model, 1))
    assert found["Weights of 'dense_1'"].shape == (40, 5)


def test_the_strongest_units():
    model = net(64, 30)
    W = np.ones((64, 30))
    W[:, [4, 20, 11]] = -9
    model.layers[0].W = W
    with pytest.warns(UserWarning, match="25 of the 30 units of 'dense' are drawn") as heard:
        plots.weight_images(model)
    assert heard[0].filename == __file__
    figure = plots.weight_images(model, most=3)  # asked for, so without a warning
    assert list(images(figure)) == ["unit 4", "unit 11", "unit 20"]


def test_the_strongest_inputs():
    model = net(90, 4)
    W = np.zeros((90, 4))
    W[7:47] = 1
    model.layers[0].W = W
    with pytest.warns(
        UserWarning, match=r"40 of the 90 inputs of 'dense' .*shape=\(height, width\) draws images"
    ):
        figure = plots.weight_images(model)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == [f"x{k + 1}" for k in range(7, 47)]


def test_a_heat_map_has_names_and_numbers():
    model = net(3, 4, 5)
    model.layers[0].W = np.arange(12).reshape(3, 4) / 10
    axes = plots.weight_images(model, names=["a", "b", "c"]).axes[0]
    np.testing.assert_array_equal(np.asarray(axes.images[0].get_array()), model.layers[0].W)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    assert [text.get_text() for text in axes.texts][:3] == ["0", "0.1", "0.2"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("unit", "input")
    later = plots.weight_images(model, "dense_1").axes[0]
    assert [label.get_text() for label in later.get_yticklabels()] == [f"unit {k}" for k in range(4)]


def test_names_keep_pixels_from_being_guessed():
    figure = plots.weight_images(net(64, 5), most=5, names=None)
    assert "unit 0" in images(figure)
    with pytest.warns(UserWarning, match="40 of the 64 inputs"):
        figure = plots.weight_images(net(64, 5), names=[f"gene {k}" for k in range(64)])
    assert "unit 0" not in images(figure)


def test_few_units_are_bars():
    model = net(4, 2)
    model.layers[0].W = [[1, -2], [0, 3], [-4, 5], [6, 7]]
    figure = plots.weight_images(model)
    for k, axes in enumerate(figure.axes):
        assert [bar.get_width() for bar in axes.patches] == model.layers[0].W[:, k].tolist()
        assert axes.get_xlabel() == "weight"
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["x1", "x2", "x3", "x4"]


def test_layers_in_blocks_and_estimators():
    model = Sequential(
        [layers.Input(4), layers.Residual([layers.Dense(6), layers.Dense(4)]), layers.Dense(1)]
    )
    figure = plots.weight_images(model, "residual.dense_1")
    assert images(figure)["Weights of 'residual.dense_1'"].shape == (6, 4)
    X = np.random.default_rng(0).normal(size=(20, 3))
    fitted = MLPRegressor(hidden_layer_sizes=(5,), solver="lbfgs", max_iter=200, tol=0.1, random_state=0).fit(
        X, X[:, 0]
    )
    np.testing.assert_array_equal(*map(np.asarray, (
        plots.weight_images(fitted).axes[0].images[0].get_array(), fitted.coefs_[0]
    )))  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layer": 2}, "layer must be an integer below 2, or one of dense, dense_1"),
        ({"layer": "hidden"}, "layer must be one of dense, dense_1"),
        ({"shape": (3, 5)}, "shape must be .* whose product is 16"),
        ({"shape": 4}, "shape must be .* whose product is 16"),
        ({"shape": (4, 4), "names": ["a"] * 16}, "left out where the inputs have names"),
        ({"most": 0}, "most must be a positive integer"),
        ({"names": ["a"]}, "names must be a list of 16 names"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        plots.weight_images(net(16, 5, 1), **arguments)


def test_models_without_weights():
    with pytest.raises(ArgumentError, match="no layer of the model has a matrix of weights"):
        plots.weight_images(Sequential([layers.Activation("relu", input_shape=(2,))]))
    with pytest.raises(NotReadyError, match="not built"):
        plots.weight_images(Sequential([layers.Dense(2)]))
