"""`plots.trace`: the images are the arrays of the trace, under the formulas of the printed one."""

import numpy as np
import pytest

from mlp import Sequential, layers, plots
from mlp.errors import ArgumentError
from mlp.plots import style

X, T = [[0.5, -1.0], [1.0, 2.0], [0.0, 1.0]], [1, 0, 1]


def traced(*middle, optimizer="sgd"):
    stack = [layers.Dense(3, "tanh", name="hidden"), *middle, layers.Dense(1, "sigmoid", name="output")]
    model = Sequential([layers.Input(2), *stack], seed=1, dtype="float64")
    model.compile(optimizer, "binary_crossentropy")
    return model.trace(X, T)


def panels(figure):
    """The images by their titles, in the order of the layers."""
    found = {}
    for axes in figure.axes:
        if axes.images:
            found.setdefault(axes.get_title(), []).append(axes)
    return found


def shown(axes):
    return np.asarray(axes.images[0].get_array())


def test_the_panels_are_the_arrays():
    trace = traced()
    found = panels(plots.trace(trace))
    hidden, output = trace
    for k, layer in enumerate(trace):
        np.testing.assert_array_equal(shown(found["net = X W + b"][k]), layer.net)
        np.testing.assert_array_equal(shown(found["f'(net)"][k]), layer.slope)
        of_parameters = found["∂L/∂W = Xᵀ δ"][k]
        np.testing.assert_array_equal(shown(of_parameters), np.vstack([layer.dW, layer.db]))
        np.testing.assert_array_equal(
            shown(found["ΔW = −η ∂L/∂W"][k]), np.vstack([layer.updates["W"], layer.updates["b"]])
        )
        assert of_parameters.get_yticklabels()[-1].get_text() == "b"
        assert of_parameters.get_ylabel() == "input"
    np.testing.assert_array_equal(shown(found["h = tanh(net)"][0]), hidden.out)
    np.testing.assert_array_equal(shown(found["y = sigmoid(net)"][0]), output.out)
    np.testing.assert_array_equal(shown(found["δ = (y − T)/n"][0]), output.delta)
    np.testing.assert_array_equal(shown(found["δ = f'(net) ∘ ∂L/∂h"][0]), hidden.delta)


def test_numbers_stand_in_small_panels():
    trace = traced()
    axes = panels(plots.trace(trace))["net = X W + b"][0]
    assert [text.get_text() for text in axes.texts[1:]] == [style.number(v) for v in trace[0].net.ravel()]
    assert axes.texts[0].get_text() == f"largest {style.number(np.abs(trace[0].net).max())}"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("unit", "hidden\nDense, tanh\nrow")


def test_one_scale_for_a_kind():
    trace = traced()
    found = panels(plots.trace(trace))
    largest = max(np.abs(layer.net).max() for layer in trace)
    assert {axes.images[0].get_clim() for axes in found["net = X W + b"]} == {(-largest, largest)}
    found = panels(plots.trace(trace, shared=False))
    for layer, axes in zip(trace, found["net = X W + b"], strict=True):
        assert axes.images[0].get_clim() == (-np.abs(layer.net).max(), np.abs(layer.net).max())


def test_what_a_layer_has_not_is_left_empty():
    trace = traced(layers.Dropout(0.5, name="dropout"))
    figure = plots.trace(trace)
    found = panels(figure)
    np.testing.assert_array_equal(shown(found["h = Dropout(X)"][0]), trace["dropout"].out)
    assert len(found["f'(net)"]) == 2
    empty = [axes for axes in figure.axes if [text.get_text() for text in axes.texts] == ["–"]]
    assert len(empty) == 5  # net, slope, δ, gradients and updates of Dropout


def test_parameters_of_other_names():
    trace = traced(layers.BatchNormalization(name="norm"))
    axes = panels(plots.trace(trace))["∂L/∂gamma"][0]
    gradients = trace["norm"].gradients
    np.testing.assert_array_equal(shown(axes), [gradients["dgamma"], gradients["dbeta"]])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["gamma", "beta"]


def test_layers_are_chosen():
    found = panels(plots.trace(traced(), layers=["output"]))
    assert [len(axes) for axes in found.values()] == [1] * 7
    assert "y = sigmoid(net)" in found
    assert "h = tanh(net)" in panels(plots.trace(traced(), layers=[0]))


def test_a_solver_has_no_updates():
    found = panels(plots.trace(traced(optimizer="lbfgs")))
    assert not [title for title in found if title.startswith("Δ")]


def test_large_arrays_are_reduced():
    model = Sequential([layers.Dense(60, "relu", input_shape=(50,)), layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    trace = model.trace(np.ones((40, 50)), np.ones(40))
    with pytest.warns(UserWarning, match="the first 5 of up to 61 rows and 60 units are drawn") as heard:
        found = panels(plots.trace(trace, most=5))
    assert heard[0].filename == __file__
    np.testing.assert_array_equal(shown(found["net = X W + b"][0]), trace[0].net[:5, :5])
    gradients = shown(found["∂L/∂W = Xᵀ δ"][0])  # the bias stays
    np.testing.assert_array_equal(gradients, np.vstack([trace[0].dW[:4, :5], trace[0].db[:5]]))


def test_many_layers_are_reduced():
    trace = traced(*(layers.Dense(2, name=f"middle_{k}") for k in range(10)))
    with pytest.warns(UserWarning, match="of 12 layers the first and the last 5 are drawn"):
        figure = plots.trace(trace)
    rows = [axes.get_ylabel().partition("\n")[0] for axes in panels(figure)["net = X W + b"]]
    assert rows == ["hidden", *(f"middle_{k}" for k in (0, 1, 2, 3, 6, 7, 8, 9)), "output"]


def test_rows_of_several_axes():
    model = Sequential([layers.Embedding(5, 2, input_shape=(3,)), layers.Flatten(), layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    trace = model.trace([[0, 1, 2], [2, 3, 4]], [0.0, 1.0])
    found = panels(plots.trace(trace))
    np.testing.assert_array_equal(shown(found["h = Embedding(X)"][0]), trace[0].out.reshape(2, 6))


def test_numbers_that_are_not_finite():
    model = Sequential([layers.Dense(2, input_shape=(2,)), layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    model.layers[0].W = np.full((2, 2), np.inf)
    axes = panels(plots.trace(model.trace([[1.0, 1.0]], [1.0])))["net = X W + b"][0]
    assert axes.texts[0].get_text() == "no finite number"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": ["hiden"]}, "layer must be one of hidden, output; got 'hiden'"),
        ({"layers": "hidden"}, "layers must be a list of names or places"),
        ({"layers": []}, "layers must be a list"),
        ({"layers": [2]}, "index must be an integer below 2"),
        ({"most": 1}, "most must be an integer above 1"),
        ({"shared": "no"}, "shared must be True or False"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        plots.trace(traced(), **arguments)


def test_a_model_is_no_trace():
    with pytest.raises(ArgumentError, match=r"trace must be what model.trace\(x, y\) returns"):
        plots.trace(Sequential())
