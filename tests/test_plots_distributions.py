"""Histograms of deltas, weights and activations: the numbers that they show, by layer and by epoch."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import mlp
from mlp import Sequential, layers, plots
from mlp.callbacks import WeightRecord
from mlp.errors import ArgumentError, NotReadyError
from mlp.plots import distributions

X = np.random.default_rng(0).normal(size=(50, 4))
y = X @ [1.0, -1.0, 0.5, 2.0]


def net(activation="sigmoid", depth=4) -> Sequential:
    hidden = [layers.Dense(6, activation, name=f"hidden{k}") for k in range(depth)]
    model = Sequential([layers.Input(4), *hidden, layers.Dropout(0.2), layers.Dense(1, name="out")], seed=0)
    model.compile(mlp.optimizers.SGD(0.1), "mse", engine="numpy")
    return model


def beside(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def medians(figure):
    """Of each layer, where the line of its median stands."""
    return [line.get_xdata()[0] for line in figure.axes[0].lines if len(set(line.get_ydata())) == 2]


def test_deltas_that_vanish_move_to_the_left():
    model = net()
    figure = plots.histograms(model, X, y)
    ax = figure.axes[0]
    traced = [layer for layer in model.trace(X, y) if layer.kind == "Dense"]
    assert ax.get_xscale() == "log"
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        *(f"hidden{k}\nsigmoid" for k in range(4)),
        "out",
    ]
    nonzero = [np.abs(layer.delta[layer.delta != 0]) for layer in traced]
    assert medians(figure) == pytest.approx([np.median(one) for one in nonzero])
    assert medians(figure)[0] < medians(figure)[3] / 30
    assert ax.get_xlabel() == "|δ| = |∂L/∂net|"
    heights = [ax.patches[k].get_data().values for k in range(5)]
    for k, (values, one) in enumerate(zip(heights, nonzero, strict=True)):
        counts = np.histogram(np.clip(one, *ax.get_xlim()), ax.patches[k].get_data().edges)[0]
        assert np.allclose(values - (4 - k), 0.85 * counts / counts.max())


def test_zeros_of_a_relu_are_counted_apart():
    model = net("relu")
    figure = plots.histograms(model, X, y, "activations")
    out = model.trace(X, y)["hidden0"].out
    assert beside(figure)[0].splitlines()[1] == f"{np.mean(out == 0):.1%} are 0"
    assert medians(figure)[0] == pytest.approx(np.median(out[out != 0]))
    assert figure.axes[0].get_xscale() == "linear"


def test_a_dead_layer_is_said():
    model = net("relu", 1)
    model.layers[0].b = np.full(6, -1e3)
    figure = plots.histograms(model, X, y, "activations")
    assert beside(figure)[0] == "all are 0"
    assert "all are 0" in beside(plots.histograms(model, X, y))[0]


def test_weights_need_no_rows_and_no_compiling():
    model = Sequential(
        [layers.Dense(5, input_shape=(4,)), layers.LayerNormalization(), layers.Dense(2)], seed=0
    )
    figure = plots.histograms(model, X, what="weights")  # x is not looked at
    W = model.layers[0].W
    assert medians(figure) == pytest.approx([np.median(W), 1, np.median(model.layers[2].W)])
    assert beside(figure)[1] == "median 1\n50.0% are 0"  # the shifts
    with pytest.raises(NotReadyError, match="compile"):
        plots.histograms(model, X, X[:, :2])


@pytest.mark.parametrize("what", list(distributions.KINDS))
def test_each_kind_is_what_the_trace_has(what):
    model = net("tanh", 1)
    before = [value.copy() for value in model.weights]
    figure = plots.histograms(model, X, y, what)
    layer = model.trace(X, y)["out"]
    expected = {
        "deltas": layer.delta, "gradients": layer.dW, "updates": layer.updates["W"],
        "weights": layer.W, "activations": layer.out, "nets": layer.net,
    }[what]  # fmt: skip
    expected = np.abs(expected[expected != 0]) if distributions.KINDS[what][1] else expected
    assert medians(figure)[1] == pytest.approx(np.median(expected), rel=1e-6)
    assert all(map(np.array_equal, before, model.weights))


def test_by_epoch_with_a_record():
    model, record = net("tanh", 2), WeightRecord()
    model.fit(X, y, epochs=5, callbacks=[record], verbose=0)
    after = model.parameters.values.copy()
    figure = plots.histograms(model, what="weights", record=record)
    assert [ax.get_title() for ax in figure.axes] == ["hidden0, tanh", "hidden1, tanh", "out"]
    line = figure.axes[0].lines[0]
    place = model.parameters.slices[0]
    assert line.get_xdata().tolist() == [0, 1, 2, 3, 4, 5]
    assert line.get_ydata() == pytest.approx([np.median(values[place]) for values in record.values])
    assert np.array_equal(model.parameters.values, after)
    shares = figure.axes[0].collections[0].get_array().reshape(distributions.BINS, 6)
    assert shares.max(axis=0).tolist() == [1] * 6
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("epoch", "weight W")


def test_a_record_of_deltas_is_traced_at_each_epoch():
    model, record = net("tanh", 1), WeightRecord()
    model.layers[1].rate = 0.0
    model.fit(X, y, epochs=3, callbacks=[record], verbose=0)
    figure = plots.histograms(model, X, y, record=record)
    with mlp.inspection.weights_set(model, record.values[0]):
        first = np.abs(model.trace(X, y)["hidden0"].delta)
    assert figure.axes[0].get_yscale() == "log"
    assert figure.axes[0].lines[0].get_ydata()[0] == pytest.approx(np.median(first[first > 0]), rel=1e-5)


def test_what_is_left_out_at_the_end_stands_above_its_panel():
    model, record = net("relu", 1), WeightRecord()
    model.layers[0].b = np.full(6, -1e3)
    model.fit(X, y, epochs=2, callbacks=[record], verbose=0)
    figure = plots.histograms(model, X, y, "activations", record)
    assert figure.axes[0].get_title() == "hidden0, relu\nall are 0 at the end"


def test_a_record_of_one_epoch_has_no_course():
    model, record = net("tanh", 1), WeightRecord()
    model.fit(X, y, epochs=2, callbacks=[record], verbose=0)
    del record.epochs[1:], record.values[1:]
    with pytest.raises(ArgumentError, match="record must be of two epochs or more; train longer"):
        plots.histograms(model, what="weights", record=record)
    assert not plt.get_fignums()


def test_of_very_many_layers_some_are_drawn():
    model = net("tanh", 40)
    with pytest.warns(UserWarning, match="30 of the 41 layers"):
        figure = plots.histograms(model, what="weights")
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert (len(shown), shown[0], shown[-1]) == (30, "hidden0\ntanh", "out")
    chosen = plots.histograms(model, what="weights", layers=["hidden7"])
    assert len(chosen.axes[0].get_yticks()) == 1


def test_of_very_many_rows_some_are_traced(monkeypatch):
    monkeypatch.setattr(distributions, "MOST_NUMBERS", 1000)
    rows = np.concatenate([X] * 4)
    with pytest.warns(UserWarning, match="100 of the 200 rows"):
        plots.histograms(net(), rows, np.concatenate([y] * 4))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"what": "delta"}, "what must be one of deltas, gradients"),
        ({"y": None}, "x and y must be the rows to trace"),
        ({"layers": ["hiden"]}, "among those that have such numbers: hidden0"),
        ({"layers": []}, "a list of names"),
        ({"record": WeightRecord()}, "record must be a WeightRecord that was given to fit"),
    ],
)
def test_bad_arguments(arguments, match):
    with pytest.raises(ArgumentError, match=match):
        plots.histograms(**{"model": net(), "x": X, "y": y, **arguments})
