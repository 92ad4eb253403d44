"""The pictures of explanations: what their bars, texts and axes say."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from mlp import Sequential, layers
from mlp.errors import ArgumentError
from mlp.explanations import Contributions, deeplift, garson, integrated_gradients, olden
from mlp.plots import contributions, importance, style

RNG = np.random.default_rng(0)


def found(of="out", units=1):
    values = np.array([[1.0, -3.0, 2.0, 0.5], [0.1, 0.2, 0.3, 0.4]])
    at_baseline = np.array([10.0, 0.0])
    return Contributions(
        values, at_baseline, at_baseline + values.sum(axis=1), np.array([0, units - 1]), of, units
    )


def bars(ax):
    """Left end, length and colour of each bar, from the top."""
    ordered = sorted(ax.patches, key=lambda bar: bar.get_y())
    return [(bar.get_x(), bar.get_width()) for bar in ordered]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def labels(ax):
    return [text.get_text() for text in ax.get_yticklabels()]


def test_bars_lead_from_the_baseline_to_the_output():
    ax = contributions(found(), names=["a", "b", "c", "d"])
    assert labels(ax) == ["b", "c", "a", "d"]
    np.testing.assert_allclose(bars(ax), [(10, -3), (7, 2), (9, 1), (10, 0.5)])
    assert texts(ax) == ["−3", "+2", "+1", "+0.5", "baseline 10", "output 10.5"]
    assert ax.get_xlabel() == "output"
    assert ax.yaxis_inverted()
    low, high = ax.get_xlim()
    assert low < 7
    assert high > 10.5


def test_signs_differ_in_colour_and_hatch():
    ax = contributions(found())
    looks = {
        (bar.get_width() > 0, bar.get_hatch(), plt.matplotlib.colors.to_hex(bar.get_facecolor()))
        for bar in ax.patches
    }
    assert looks == {(True, "", style.ORANGE.lower()), (False, "///", style.BLUE.lower())}


def test_the_rest_is_one_bar():
    ax = contributions(found(), most=2)
    assert labels(ax) == ["x2", "x3", "2 others"]
    np.testing.assert_allclose(bars(ax), [(10, -3), (7, 2), (9, 1.5)])
    assert labels(contributions(found(), most=3)) == ["x2", "x3", "x1", "x4"]  # no bar for one other


def test_another_row_and_the_names_of_outputs():
    ax = contributions(found("net", 3), row=1, outputs=np.array(["no", "yes", "maybe"]))
    assert ax.get_xlabel() == "net activation of maybe"
    assert texts(ax)[-2:] == ["baseline 0", "net 1"]
    assert contributions(found("net", 3), row=-2).get_xlabel() == "net activation of output 0"
    assert contributions(found("net")).get_xlabel() == "net activation of the output"


def test_values_of_the_inputs_beside_their_names():
    x = np.array([[1.0, -2000.0, 0.5, 1e-7], [0.0] * 4])
    assert labels(contributions(found(), x=x)) == ["x2 = −2000", "x3 = 0.5", "x1 = 1", "x4 = 1e−7"]
    assert labels(contributions(found(), x=x[0])) == ["x2 = −2000", "x3 = 0.5", "x1 = 1", "x4 = 1e−7"]
    words = contributions(found(), x=[["red", "north", "no", "old"], ["blue", "south", "no", "new"]], row=1)
    assert labels(words)[0] == "x4 = new"


def test_an_array_begins_at_0():
    for values in ([2.0, -1.0], [[2.0, -1.0]]):
        ax = contributions(values)
        np.testing.assert_allclose(bars(ax), [(0, 2), (2, -1)])
        assert texts(ax)[-2:] == ["baseline 0", "sum 1"]
        assert ax.get_xlabel() == "contribution"


def test_what_is_missing_is_a_bar():
    whole = found()
    loose = Contributions(whole.values, whole.at_baseline, whole.at_x + 0.5, whole.output)
    ax = contributions(loose)
    assert labels(ax)[-1] == "gap"
    np.testing.assert_allclose(bars(ax)[-1], (10.5, 0.5))
    assert texts(ax)[-1] == "output 11"


def test_nothing_contributes():
    ax = contributions(np.zeros(3))
    low, high = ax.get_xlim()
    assert low < 0 < high


def test_inputs_of_more_axes():
    model = Sequential([layers.Flatten(input_shape=(2, 2)), layers.Dense(1)], seed=0)
    X = RNG.normal(size=(3, 2, 2))
    explained = deeplift(model, X)
    ax = contributions(explained, row=1, x=X)
    largest = np.unravel_index(np.abs(explained.values[1]).argmax(), (2, 2))
    assert labels(ax)[0].startswith(f"x[{largest[0]}, {largest[1]}] = ")
    assert len(importance(explained).patches) == 4


def test_drawn_into_axes_of_ones_own():
    figure, (left, right) = plt.subplots(1, 2)
    assert contributions(found(), ax=left) is left
    assert importance([1.0, 2.0], ax=right) is right
    assert plt.get_fignums() == [figure.number]


def test_importance_in_order():
    ax = importance([[0.1], [-0.6], [0.3]], names=["a", "b", "c"])
    assert labels(ax) == ["b", "c", "a"]
    np.testing.assert_allclose([width for _, width in bars(ax)], [-0.6, 0.3, 0.1])
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_legend()) == ("importance", "input", None)


def test_importance_for_several_outputs():
    values = np.array([[1.0, -2.0], [0.5, 0.5]])
    ax = importance(values, outputs=np.array(["no", "yes"]))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["no", "yes"]
    np.testing.assert_allclose([width for _, width in bars(ax)], [1.0, -2.0, 0.5, 0.5])
    hatches = {bar.get_hatch() for bar in ax.patches}
    assert len(hatches) == 2
    legend = importance(values).get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["output 0", "output 1"]


def test_importance_of_many_outputs_is_their_mean():
    values = RNG.normal(size=(3, 6))
    with pytest.warns(
        UserWarning, match=r"values has 6 outputs; the mean of \|values\| .* give values\[:, k\]"
    ) as seen:
        ax = importance(values)
    assert seen[0].filename == __file__
    expected = np.sort(np.abs(values).mean(axis=1))[::-1]
    np.testing.assert_allclose([width for _, width in bars(ax)], expected)
    assert ax.get_xlabel() == "mean |importance| of all outputs"


def test_importance_says_how_many_are_left_out():
    ax = importance(RNG.normal(size=30), most=4)
    assert ax.get_ylabel() == "4 of 30 inputs"
    assert len(ax.patches) == 4


def test_importance_of_contributions_is_their_mean():
    ax = importance(found("net"))
    assert labels(ax) == ["x2", "x3", "x1", "x4"]
    np.testing.assert_allclose([width for _, width in bars(ax)], [1.6, 1.15, 0.55, 0.45])
    assert ax.get_xlabel() == "mean |contribution| to the net activation"


def test_every_explanation_can_be_drawn():
    model = Sequential([layers.Dense(5, "relu", input_shape=(30,)), layers.Dense(3, "softmax")], seed=0)
    X = RNG.normal(size=(4, 30))
    for explained in (deeplift(model, X), integrated_gradients(model, X)):
        ax = contributions(explained, row=3)
        assert len(ax.patches) == 16
        start, width = bars(ax)[-1]
        np.testing.assert_allclose(start + width, explained.at_x[3], rtol=0.05, atol=0.01)
    for weights in (olden(model), garson(model)):
        assert len(importance(weights).patches) == 45


@pytest.mark.parametrize(
    ("draw", "options", "message"),
    [
        (contributions, {"row": 2}, "row must be the number of one of 2 rows; got 2"),
        (contributions, {"row": 0.5}, "row must be the number of one of 2 rows; got 0.5"),
        (contributions, {"most": 0}, "most must be a positive integer; got 0"),
        (contributions, {"names": ["a"]}, "names must be a list of 4 names"),
        (contributions, {"outputs": ["a", "b"]}, "outputs must be a list of 1 names"),
        (
            contributions,
            {"x": np.ones((2, 3))},
            r"x must be the inputs that were explained, of shape \(2, 4\)",
        ),
        (contributions, {"ax": 3}, "ax must be axes of matplotlib"),
        (importance, {"most": True}, "most must be a positive integer; got True"),
        (importance, {"names": ["a"]}, "names must be a list of 4 names"),
        (importance, {"ax": 3}, "ax must be axes of matplotlib"),
    ],
)
def test_bad_arguments(draw, options, message):
    with pytest.raises(ArgumentError, match=message):
        draw(found(), **options)
    assert not plt.get_fignums()


@pytest.mark.parametrize("draw", [contributions, importance])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((2, 3, 4)), "values must be an array of one axis or two, or Contributions"),
        (3.0, "values must be an array of one axis or two"),
        ([], "values must be an array of one axis or two"),
        ([1.0, np.nan], r"values\[1\] is nan"),
        ("spam", "values must be an array of numbers"),
        (None, "values must be an array of numbers"),
    ],
)
def test_bad_values(draw, values, message):
    with pytest.raises(ArgumentError, match=message):
        draw(values)
