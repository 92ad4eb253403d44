"""The training doctor on data and outputs: each finding is provoked, and not made where nothing is wrong."""

import numpy as np
import pandas as pd
import pytest

import mlp
from mlp import layers, losses
from mlp.doctor import diagnose
from mlp.doctor.case import Case

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4))
T = np.sin(X[:, 0]) + 0.5 * X[:, 1] + 0.1 * RNG.normal(size=200)
CLASSES = (T > 0).astype(int)


def net(*stack, loss="mse", optimizer="adam", **options):
    """A compiled model; its input shape is that of `X`, unless the stack begins with an Input."""
    first = [] if isinstance(stack[0], layers.Input) else [layers.Input(4)]
    model = mlp.Sequential([*first, *stack], seed=0, **options)
    model.compile(optimizer, loss)
    return model


def regressor(*before):
    return net(*before, layers.Dense(8, "relu"), layers.Dense(1))


def classifier(output=1, activation="sigmoid", loss="binary_crossentropy"):
    return net(layers.Dense(8, "relu"), layers.Dense(output, activation), loss=loss)


def test_nothing_is_found_in_healthy_data():
    diagnosis = diagnose(regressor(), X, T)
    assert not len(diagnosis)
    assert diagnosis.healthy
    assert str(diagnosis).startswith(
        "Diagnosis of 'sequential' on 200 rows: all is well.\n\nIn order: numbers, "
    )
    assert "curves (fewer than 6 epochs)" in str(diagnosis)


# columns


def test_unscaled_columns():
    finding = diagnose(regressor(), X * [1, 1, 5000, 1], T)["unscaled_columns"]
    assert finding.severity == "serious"
    assert finding.where == "columns of x: column 2"
    assert finding.numbers["columns"] == [2]
    assert finding.numbers["largest"] == pytest.approx(5000 * np.sqrt((X[:, 2] ** 2).mean()), rel=1e-3)
    assert "layers.Normalization()" in finding.cure


def test_columns_of_a_frame_go_by_their_names():
    frame = pd.DataFrame(X * [1, 1, 5000, 1], columns=["a", "b", "income", "d"])
    assert diagnose(regressor(), frame, T)["unscaled_columns"].where == "columns of x: column 'income'"


def test_tiny_columns_are_unscaled_too():
    assert diagnose(regressor(), X * [1, 1e-5, 1, 1], T)["unscaled_columns"].numbers["columns"] == [1]


def test_bytes_of_images_get_a_rescaling():
    images = np.random.default_rng(1).integers(0, 256, (200, 8, 8))
    images[0, 0, 0] = 255
    model = net(layers.Input((8, 8)), layers.Flatten(), layers.Dense(8, "relu"), layers.Dense(1))
    finding = diagnose(model, images, T)["unscaled_columns"]
    assert "layers.Rescaling(1 / 255)" in finding.cure
    assert "input (" in finding.where


@pytest.mark.parametrize("kind", ["Normalization", "BatchNormalization", "Rescaling"])
def test_a_model_that_scales_by_itself_has_no_unscaled_columns(kind):
    scaling = layers.Rescaling(1e-3) if kind == "Rescaling" else getattr(layers, kind)()
    if kind == "Normalization":
        scaling.adapt(X * 1000)
    assert not diagnose(regressor(scaling), X * 1000, T).names


def test_numbers_of_categories_are_no_columns_to_scale():
    numbers = np.random.default_rng(1).integers(0, 700, 200)
    lookup = [layers.Columns([0]), layers.Embedding(700, 4), layers.Flatten()]
    both = layers.Concatenate([lookup, layers.Columns([1, 2])])
    model = net(layers.Input(3), both, layers.Dense(8, "relu"), layers.Dense(1))
    assert not diagnose(model, np.c_[numbers, X[:, :2]], T).names
    finding = diagnose(model, np.c_[numbers, X[:, :2] * 1000], T)["unscaled_columns"]
    assert finding.where == "input 4 of 'dense', input 5 of 'dense'"


def test_rare_ones_are_not_small():
    rare = np.c_[X[:, :3], np.arange(200) == 7]
    assert "unscaled_columns" not in diagnose(regressor(), rare, T)


def test_constant_columns_are_a_hint():
    diagnosis = diagnose(regressor(), X * [1, 0, 1, 1] + [0, 5, 0, 0], T)
    assert diagnosis["constant_columns"].numbers["columns"] == [1]
    assert diagnosis.healthy


def test_all_columns_constant_is_serious():
    assert diagnose(regressor(), np.ones_like(X), T)["constant_columns"].severity == "serious"


# targets


def test_unscaled_targets():
    finding = diagnose(regressor(), X, 300 + 100 * T)["unscaled_targets"]
    assert finding.numbers["mean"] == pytest.approx(300 + 100 * T.mean(), rel=1e-5)
    assert f"layers.Rescaling({finding.numbers['deviation']:.3g}, offset=" in finding.cure


def test_one_of_several_targets_is_unscaled():
    model = net(layers.Dense(8, "relu"), layers.Dense(2))
    assert diagnose(model, X, np.c_[T, 1000 * T])["unscaled_targets"].where == "columns of y: 1"


def test_targets_are_scaled_by_the_last_layer():
    model = net(layers.Dense(8, "relu"), layers.Dense(1), layers.Rescaling(100, offset=300))
    assert not diagnose(model, X, 300 + 100 * T).names


def test_counts_are_not_to_be_scaled():
    model = net(layers.Dense(8, "relu"), layers.Dense(1, "exponential"), loss="poisson")
    counts = np.random.default_rng(1).poisson(100, 200)
    assert "unscaled_targets" not in diagnose(model, X, counts)


def test_imbalanced_classes():
    rare = (X[:, 0] + X[:, 1] > 2.8).astype(int)
    diagnosis = diagnose(classifier(), X, rare)
    assert diagnosis["imbalanced_classes"].numbers["shares"][1] == pytest.approx(rare.mean())
    assert diagnosis.healthy
    weights = np.where(rare, 1 / rare.mean(), 1.0)
    assert not diagnose(classifier(), X, rare, sample_weight=weights).names


# a column that knows the target


@pytest.mark.parametrize("known", ["classes", "three", "numbers"])
def test_perfect_feature(known):
    three = np.digitize(T, [-0.5, 0.5])
    target = {"classes": CLASSES, "three": three, "numbers": T}[known]
    leak = np.c_[X, np.exp(target) + 1e-6 * X[:, 0]]
    model = {
        "classes": lambda: net(layers.Input(5), layers.Dense(1, "sigmoid"), loss="binary_crossentropy"),
        "three": lambda: net(
            layers.Input(5), layers.Dense(3, "softmax"), loss="sparse_categorical_crossentropy"
        ),
        "numbers": lambda: net(layers.Input(5), layers.Dense(1)),
    }[known]()
    finding = diagnose(model, leak, target)["perfect_feature"]
    assert finding.where == "column 4 of x"
    assert finding.numbers["score"] >= 0.999


def test_a_good_feature_is_not_perfect():
    noisy = np.c_[X[:, 1:], T + 0.3 * np.random.default_rng(1).normal(size=200)]
    assert "perfect_feature" not in diagnose(regressor(), noisy, T)
    assert "perfect_feature" not in diagnose(classifier(), noisy, CLASSES)


def test_the_only_column_may_be_perfect():
    x = np.linspace(-1, 1, 100)[:, None]
    model = net(layers.Input(1), layers.Dense(1))
    assert "perfect_feature" not in diagnose(model, x, 2 * x)


# outputs


@pytest.mark.parametrize(("activation", "share"), [("sigmoid", "5"), ("relu", "5"), ("tanh", None)])
def test_targets_out_of_reach(activation, share):
    target = np.tanh(T)
    diagnosis = diagnose(net(layers.Dense(8, "relu"), layers.Dense(1, activation)), X, target)
    assert ("wrong_output" in diagnosis) == (share is not None)
    if share:
        outside = (target < -0.02 * np.ptp(target)).mean()
        assert f"{outside:.0%} of the targets lie beyond" in diagnosis["wrong_output"].what


@pytest.mark.parametrize(
    ("activation", "loss", "cure"),
    [
        ("softmax", "binary_crossentropy", "categorical_crossentropy"),
        ("sigmoid", "categorical_crossentropy", "softmax"),
        ("softmax", "categorical_crossentropy", None),
        ("sigmoid", "binary_crossentropy", None),
    ],
)
def test_activation_and_loss_go_together(activation, loss, cure):
    diagnosis = diagnose(classifier(3, activation, loss), X, np.eye(3)[np.digitize(T, [-0.5, 0.5])])
    assert ("wrong_output" in diagnosis) == bool(cure)
    assert not cure or cure in diagnosis["wrong_output"].cure


def test_the_best_constant_of_a_masked_loss_of_logits():
    rows, loss = (X, CLASSES[:, None].astype(float), None), losses.BinaryCrossentropy(from_logits=True)
    plain, masked = (
        Case(net(layers.Dense(1), loss=one), rows, 200, {}) for one in (loss, losses.Masked(loss))
    )
    assert masked.baseline == pytest.approx(plain.baseline)
    share = CLASSES.mean()
    entropy = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    assert masked.baseline == pytest.approx(entropy, rel=1e-5)


def test_softmax_of_one_unit():
    finding = diagnose(classifier(1, "softmax"), X, CLASSES)["wrong_output"]
    assert finding.severity == "serious"
    assert "sigmoid" in finding.cure


def test_classes_as_numbers_are_a_hint():
    assert diagnose(regressor(), X, CLASSES)["wrong_output"].severity == "hint"
    assert "wrong_output" not in diagnose(classifier(loss="mse"), X, CLASSES)  # the textbook's


# what can be given


def test_large_data_are_examined_on_some_rows(tmp_path):
    many, wanted = np.tile(X, (20, 1)), np.tile(T, 20)
    assert "on 1000 of 4000 rows" in str(diagnose(regressor(), many, wanted))
    np.save(tmp_path / "x.npy", many.astype("float32"))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert "on 1000 of 4000 rows" in str(diagnose(regressor(), mapped, wanted))


def test_batches_and_rows_without_weight():
    def batches():
        for start in range(0, 200, 20):
            yield X[start : start + 20], T[start : start + 20]

    assert "on 200 rows" in str(diagnose(regressor(), batches))
    assert "on 100 of 200 rows" in str(diagnose(regressor(), X, T, sample_weight=np.arange(200) % 2))


@pytest.mark.parametrize(
    ("loss", "activation", "target"),
    [
        (losses.Masked("mse"), None, np.where(np.arange(200) % 7, T, np.nan)),
        (losses.MeanSquaredError(reduction="sum"), None, T),
        (losses.BinaryCrossentropy(from_logits=True), None, CLASSES),
        ("hinge", "tanh", CLASSES),
        ("gamma", "exponential", np.exp(T)),
    ],
)
def test_other_losses(loss, activation, target):
    model = net(layers.Dense(8, "relu"), layers.Dense(1, activation), loss=loss)
    assert not diagnose(model, X, target).names
    model.fit(X, target, epochs=6, verbose=0)
    assert diagnose(model, X, target).healthy


def test_bad_arguments():
    model = regressor()
    with pytest.raises(mlp.errors.ArgumentError, match=r"x\[0, 0\] is nan"):
        diagnose(model, X * np.nan, T)
    with pytest.raises(mlp.errors.ArgumentError, match="history must be what fit returns; got 3"):
        diagnose(model, X, T, history=3)
    with pytest.raises(mlp.errors.ArgumentError, match=r"validation_data: x has 4 rows and y has 5"):
        diagnose(model, X, T, (X[:4], T[:5]))
    with pytest.raises(mlp.errors.NotReadyError, match="compile the model first"):
        diagnose(mlp.Sequential([layers.Dense(1, input_shape=(4,))]), X, T)
    with pytest.raises(mlp.errors.NotReadyError, match="not built yet"):
        diagnose(mlp.Sequential([layers.Dense(1)]), X, T)
