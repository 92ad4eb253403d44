"""`plots.network`: the lines and circles that it draws are those of the weights and outputs."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from mlp import MLPClassifier, Sequential, layers, plots
from mlp.errors import ArgumentError, NotReadyError
from mlp.plots import style

X, T = [[0.5, -1.0], [1.0, 2.0], [0.0, 1.0]], [1, 0, 1]


def small(seed=1):
    model = Sequential(
        [layers.Dense(3, "tanh", input_shape=(2,), name="hidden"), layers.Dense(1, "sigmoid")],
        seed=seed,
        dtype="float64",
    )
    model.compile("sgd", "binary_crossentropy")
    return model


def texts(ax):
    return [text.get_text() for text in ax.texts]


def lines(ax):
    return [drawn for drawn in ax.collections if type(drawn) is LineCollection and drawn.get_zorder() == 1]


def circles(ax, label="outputs"):
    return [c for c in ax.collections if isinstance(c, PatchCollection) and c.get_label() == label]


def test_each_weight_is_a_line():
    model = small()
    hidden, output = lines(plots.network(model))
    assert len(hidden.get_segments()) == 3 * 3
    assert len(output.get_segments()) == 4 * 1
    hidden, output = lines(plots.network(model, bias=False))
    assert len(hidden.get_segments()) == 2 * 3


def test_width_is_size_and_colour_is_sign():
    model = small()
    W = np.array([[1.0, -2.0, 0.0], [0.5, 0.25, -4.0]])
    model.layers[0].W, model.layers[1].W = W, [[4.0], [1.0], [-1.0]]
    drawn = lines(plots.network(model, bias=False))[0]
    order = np.argsort(np.abs(W), axis=None, kind="stable")  # thick ones on top
    widths = drawn.get_linewidth()
    np.testing.assert_allclose(np.array(widths) - widths[0], np.abs(W.ravel()[order]) * widths_per(widths))
    colours = [to_hex(colour).upper() for colour in drawn.get_colors()]
    assert colours == [
        {1: style.ORANGE, -1: style.BLUE, 0: style.GREY}[np.sign(w)].upper() for w in W.ravel()[order]
    ]
    dashed = [dashes is not None for _, dashes in drawn.get_linestyles()]
    assert dashed == [bool(w < 0) for w in W.ravel()[order]]


def widths_per(widths):
    return (widths[-1] - widths[0]) / 4


def test_lines_lead_from_unit_to_unit():
    model = small()
    model.layers[0].W = [[1, 2, 3], [4, 5, 6]]
    ax = plots.network(model, bias=False)
    drawn = lines(ax)[0].get_segments()
    heights = [sorted({segment[end][1] for segment in drawn}, reverse=True) for end in (0, 1)]
    for k, segment in enumerate(drawn):  # the thinnest, 1, leads from input 0 to unit 0
        assert (heights[0].index(segment[0][1]), heights[1].index(segment[1][1])) == divmod(k, 3)


def test_small_nets_have_their_numbers():
    model = small()
    model.layers[0].W = [[0.11, 0.12, 0.13], [0.14, 0.15, -0.16]]
    found = texts(plots.network(model, names=["width", "height"]))
    assert {"0.11", "0.12", "0.13", "0.14", "0.15", "−0.16", "width", "height"} <= set(found)
    assert "0.11" not in texts(plots.network(model, numbers=False))
    assert {"x1", "x2", "inputs\n2", "hidden\n3 × tanh"} <= set(texts(plots.network(model)))


def test_numbers_do_not_overlap():
    model = small()
    ax = plots.network(model, x=[0.5, -1.0])
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    for k, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[k + 1 :])


def test_an_input_fills_the_circles():
    model = small()
    ax = plots.network(model, x=X, row=1)
    hidden = np.tanh(np.array(X[1]) @ model.layers[0].W + model.layers[0].b)
    found = texts(ax)
    assert {style.number(value) for value in [*X[1], *hidden, model.predict(X)[1, 0]]} <= set(found)
    filled = circles(ax)[2]  # after the inputs and their bias
    assert [colour[0] > colour[2] for colour in filled.get_facecolor()] == (hidden > 0).tolist()
    assert [bar.get_ylabel() for bar in ax.figure.axes[1:]] == ["output of the unit"]
    assert texts(plots.network(model, x=X[1])) == found


def test_a_trace_shows_deltas_of_a_row():
    model = small()
    trace = model.trace(X, T)
    found = texts(plots.network(model, trace=trace, row=2))
    for layer in trace:
        assert {f"δ {style.number(value)}" for value in layer.delta[2]} <= set(found)
        assert {style.number(value) for value in layer.out[2]} <= set(found)


def test_a_trace_of_all_rows_shows_means_and_sums():
    trace = small().trace(X, T)
    found = texts(plots.network(small(), trace=trace, row="mean"))
    assert {f"δ {style.number(value)}" for value in trace["hidden"].db} <= set(found)
    assert {style.number(value) for value in trace["hidden"].out.mean(axis=0)} <= set(found)


def test_lines_of_gradients():
    model = small()
    trace = model.trace(X, T)
    ax = plots.network(model, trace=trace, edges="dW")
    assert {style.number(value) for value in trace["hidden"].dW.ravel()} <= set(texts(ax))
    assert [text.get_text() for text in ax.get_legend().get_texts()][:2] == ["dW > 0", "dW < 0"]


def test_weights_are_those_of_the_trace():
    model = small()
    trace = model.trace(X, T)
    before = style.number(model.layers[0].W[0, 0])
    model.layers[0].W = np.full((2, 3), 7.0)
    assert before in texts(plots.network(model, trace=trace))


def test_many_deltas_are_diamonds():
    model = Sequential([layers.Dense(30, "tanh", input_shape=(9,)), layers.Dense(20)], seed=0)
    model.compile("sgd", "mse")
    trace = model.trace(np.ones((2, 9)), np.ones((2, 20)))
    ax = plots.network(model, trace=trace, most=30)
    assert [len(drawn.get_facecolor()) for drawn in circles(ax, "deltas")] == [30, 20]


def test_layers_between_columns_are_captions():
    model = Sequential(
        [layers.Input(3), layers.Dense(4), layers.BatchNormalization(), layers.Activation("relu"),
         layers.Dropout(0.25), layers.Dense(2)], seed=0,
    )  # fmt: skip
    ax = plots.network(model, x=[1.0, 2.0, 3.0])
    assert {"BatchNormalization", "relu", "Dropout 0.25"} <= set(texts(ax))
    assert len([patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]) == 3
    out = np.array([[1.0, 2.0, 3.0]], "float32")
    for layer in model.layers[:4]:
        out = layer.forward(out)
    assert {style.number(value) for value in out[0]} <= set(texts(ax))


def test_a_residual_has_its_layers_and_an_arc():
    block = layers.Residual([layers.Dense(3, "tanh"), layers.Dense(2)])
    model = Sequential([layers.Input(2), block, layers.Dense(1)], seed=0, dtype="float64")
    model.compile("sgd", "mse")
    ax = plots.network(model, x=X[0])
    assert len(lines(ax)) == 3
    assert len([patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]) == 1
    added = np.array(X[0]) + block.layers[1].out[0]  # what leaves the block, not what leaves its last layer
    assert {style.number(value) for value in added} <= set(texts(ax))
    assert "+" in texts(ax)
    assert set(texts(ax)) <= set(texts(plots.network(model, trace=model.trace(X[:1], [1.0]))))


def test_a_block_of_branches_is_a_bundle():
    model = Sequential([layers.Input(2), layers.Concatenate([[layers.Dense(3)], []]), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="Concatenate is drawn as one bundle of lines; mlp.utils.plot_model"):
        ax = plots.network(model, trace=model.trace(X, T))
    assert "Concatenate" in texts(ax)
    assert len(lines(ax)) == 1
    with pytest.warns(UserWarning, match="bundle"):
        assert set(texts(plots.network(model, x=X[0]))) <= {*texts(ax)}


def test_the_strongest_units_of_a_large_net():
    model = Sequential([layers.Dense(1000, "relu", input_shape=(300,)), layers.Dense(2)], seed=0)
    W = np.zeros((1000, 2))
    W[[7, 500, 3]] = 1
    model.layers[1].W = W
    with pytest.warns(UserWarning, match="largest weights; most= sets how many") as heard:
        plots.network(model)
    assert "12 of the 300 units of 'inputs' are drawn" in str(heard[0].message)
    assert "12 of the 1,000 units of 'dense' are drawn" in str(heard[1].message)
    assert heard[0].filename == __file__
    ax = plots.network(model, most=3, numbers=True)  # asked for, so without a warning
    assert {"⋮\n297 more", "⋮\n997 more"} <= set(texts(ax))
    assert texts(ax).count("1") == 6  # those weights of the next layer that are not 0
    with pytest.warns(UserWarning, match="12 of the 20 units of 'dense' are drawn, the first; most="):
        plots.network(Sequential([layers.Dense(20, input_shape=(2,))]))
    strongest = np.sort(np.abs(model.layers[0].W).sum(axis=1).argsort()[-3:])
    assert {f"x{k + 1}" for k in strongest} <= set(texts(ax))


def test_an_estimator_has_names_of_classes():
    X4 = np.random.default_rng(0).normal(size=(60, 2))
    t = np.array(["low", "middle", "high"])[np.digitize(X4[:, 0], [-0.5, 0.5])]
    fitted = MLPClassifier((3,), solver="lbfgs", random_state=0, max_iter=500, tol=1e-2).fit(X4, t)
    assert {"low", "middle", "high"} <= set(texts(plots.network(fitted)))


def test_given_axes_are_used():
    figure, axes = plt.subplots(1, 2, figsize=(6, 2))
    assert plots.network(small(), ax=axes[1]) is axes[1]
    assert not {"0.5"} & set(texts(axes[1]))
    assert not axes[0].texts
    assert figure.axes == list(axes)


def test_nothing_of_the_model_changes():
    model = small()
    before = model.parameters.values.copy()
    plots.network(model, x=X[0])
    assert (model.parameters.values == before).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"names": ["a"]}, "names must be a list of 2 names"),
        ({"most": 1}, "most must be an integer above 1"),
        ({"edges": "b"}, "edges must be"),
        ({"edges": "dW"}, 'edges must be "W" unless a trace is given'),
        ({"numbers": "many"}, "numbers must be"),
        ({"bias": 1}, "bias must be"),
        ({"x": [1.0, 2.0, 3.0]}, "x"),
        ({"x": X, "row": 3}, "row must be the number of one of the 3 rows of x; got 3"),
        ({"x": X, "row": "mean"}, "row must be"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        plots.network(small(), **arguments)


def test_refusals_of_traces():
    model, trace = small(), small().trace(X, T)
    with pytest.raises(ArgumentError, match="left out where a trace is given"):
        plots.network(model, x=X[0], trace=trace)
    with pytest.raises(
        ArgumentError, match='row must be the number of one of the 3 rows of the trace, or "mean"'
    ):
        plots.network(model, trace=trace, row=-4)
    other = Sequential([layers.Dense(1, input_shape=(2,))])
    with pytest.raises(ArgumentError, match="trace must be of this model"):
        plots.network(other, trace=trace)
    wider = Sequential([layers.Dense(4, input_shape=(2,), name="hidden"), layers.Dense(1, name="dense_1")])
    with pytest.raises(ArgumentError, match="trace must be of this model"):
        plots.network(wider, trace=trace)


def test_a_model_that_is_not_built():
    with pytest.raises(NotReadyError, match="not built"):
        plots.network(Sequential([layers.Dense(1)]))
