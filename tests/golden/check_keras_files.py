"""Hold the files that mlp writes to Keras itself, and those that Keras writes to mlp.

The tests need no Keras: they read the small files here, which `keras_files.py` makes, and compare the form
of what is written. This script is the proof behind them. It needs Keras and mlp in one environment, that of
`make_golden.py` with mlp's own requirements, and runs for some minutes:

    PYTHONPATH=. /tmp/peers/bin/python tests/golden/check_keras_files.py [part of a case's name ...]

Each case is built in mlp, trained and saved; Keras loads the file, must predict the same numbers, and after
three more steps in both have the same weights, which it has only if the optimizer's state is the same. Then
Keras saves the model, mlp loads that, and once more. Dropout and noise draw other numbers, so models with
them do not train on here.
"""

import contextlib
import io
import os
import pathlib
import sys
import tempfile
import warnings

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"

import keras
import numpy as np

import mlp
from mlp import activations, constraints, initializers, layers, losses, metrics, optimizers, regularizers
from mlp.layers import Dense
from mlp.optimizers import schedules

ROWS, INPUTS = 12, 4
rng = np.random.default_rng(3)
X = rng.normal(0, 1, (ROWS, INPUTS)).astype("float32")
WHOLE = rng.integers(0, 5, (ROWS, INPUTS)).astype("float32")
NUMBERS = rng.normal(0, 1, (ROWS, 2)).astype("float32")
POSITIVE = np.abs(NUMBERS) + 0.1
LABELS = rng.integers(0, 2, (ROWS, 1)).astype("float32")
BY_LABEL = LABELS, 2
ONE_HOT = np.eye(2, dtype="float32")[LABELS[:, 0].astype(int)]
SIGNS = np.where(NUMBERS > 0, 1, -1).astype("float32")
NAMED = (
    "celu elu exponential gelu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu linear log_sigmoid "
    "log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus "
    "sparse_sigmoid squareplus tanh tanh_shrink"
)
adapted = layers.Normalization()
adapted.adapt(X * 3 + 1)


def in_layers():
    """Layers to put between two Dense, by the names of the cases."""
    l2, bounded = regularizers.L2(0.01), constraints.MaxNorm(0.8)
    return {
        "batch normalization": layers.BatchNormalization(momentum=0.7, epsilon=0.01, gamma_regularizer=l2),
        "batch normalization, plain": layers.BatchNormalization(center=False, scale=False, axis=1),
        "layer normalization": layers.LayerNormalization(epsilon=0.01, beta_constraint=bounded),
        "rms normalization": layers.RMSNormalization(),
        "group normalization": layers.GroupNormalization(groups=3),
        "unit normalization": layers.UnitNormalization(),
        "prelu": layers.PReLU("ones", alpha_regularizer=l2),
        "rescaling": layers.Rescaling(0.5, offset=0.1),
        "shapes": [layers.Reshape((2, -1)), layers.Permute((2, 1)), layers.Flatten()],
        "repeated": [layers.RepeatVector(2), layers.Flatten(), layers.Identity()],
        "activity": layers.ActivityRegularization(l1=0.01, l2=0.02),
        "relu layer": layers.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2),
        "leaky relu layer": layers.LeakyReLU(0.15),
        "elu layer": layers.ELU(0.7),
        "softmax layer": layers.Softmax(),
        "activation": layers.Activation("gelu", activity_regularizer=l2),
        "frozen": Dense(6, "tanh", trainable=False),
        "dropout": layers.Dropout(0.3, seed=2),
        "alpha dropout": layers.AlphaDropout(0.3),
        "gaussian dropout": layers.GaussianDropout(0.3),
        "gaussian noise": layers.GaussianNoise(0.3),
    }


def case(*middle, first=None, loss="mse", optimizer=None, out=2, x=X, y=NUMBERS, last=None, **more):
    return dict(
        layers=[*([first] if first else []), *middle, Dense(out, last)],
        loss=loss, optimizer=optimizer or optimizers.SGD(0.02, momentum=0.9), x=x, y=y, **more,
    )  # fmt: skip


def cases():
    found = {}
    for name, layer in in_layers().items():
        several = layer if isinstance(layer, list) else [layer]
        found[name] = case(Dense(6, "tanh"), *several, Dense(5, "tanh"))
    for name in NAMED.split():
        rate = 0.001 if name == "exponential" else 0.02
        found[f"activation {name}"] = case(Dense(6, name), optimizer=optimizers.SGD(rate, momentum=0.9))
    own = (activations.LeakyReLU(0.05), activations.ELU(0.6), activations.GeneralReLU(0.1, 3.0, 0.2))
    for activation in own:
        found[f"activation {activation!r}"] = case(Dense(6, activation))
    initial = (
        "constant glorot_normal he_normal he_uniform identity lecun_normal lecun_uniform ones orthogonal "
        "random_normal random_uniform truncated_normal variance_scaling zeros"
    )
    for initializer in initial.split():
        found[f"initializer {initializer}"] = case(Dense(6, "tanh", kernel_initializer=initializer))
    found["initializer with options"] = case(
        Dense(6, kernel_initializer=initializers.VarianceScaling(2.0, "fan_out", "uniform", seed=3))
    )
    for penalty in ("l1", "l2", "l1_l2", regularizers.OrthogonalRegularizer(0.02, "columns")):
        found[f"regularizer {penalty}"] = case(Dense(6, "tanh", kernel_regularizer=penalty))
    found["regularizers"] = case(Dense(6, "tanh", bias_regularizer="l2", activity_regularizer="l1"))
    for bound in ("max_norm", "min_max_norm", "non_neg", "unit_norm"):
        found[f"constraint {bound}"] = case(Dense(6, "tanh", kernel_constraint=bound))
    found["normalization"] = case(Dense(6, "tanh"), first=adapted)
    given = layers.Normalization(mean=[0.5, 1, 2, 3], variance=2.0, invert=True)
    found["normalization given"] = case(Dense(6, "tanh"), first=given)
    table = layers.Embedding(5, 3, embeddings_regularizer="l2")
    found["embedding"] = case(layers.Flatten(), Dense(6, "tanh"), first=table, x=WHOLE)
    found["no bias"] = case(Dense(6, "relu", use_bias=False))
    found["float64"] = case(Dense(6, "tanh"), dtype="float64")
    for rule in rules():
        found[f"optimizer {rule!r}"] = case(Dense(6, "tanh"), optimizer=rule)
    for loss, last, y in by_loss():
        rule = optimizers.SGD(1e-4 if loss == "mape" else 0.02)  # whose gradients are in hundreds
        middle = Dense(6, "tanh")
        found[f"loss {loss!r}"] = case(middle, loss=loss, out=y[1], last=last, y=y[0], optimizer=rule)
    for metric, last, y in by_metric():
        name = f"metric {metric!r}"
        loss = "sparse_categorical_crossentropy" if y is BY_LABEL else "mse"
        found[name] = case(
            Dense(6, "tanh"), loss=loss, out=y[1], last=last, y=y[0], metrics=[metric], steps=0
        )
    return found


def rules():
    o = optimizers
    rated = [
        schedules.ExponentialDecay(0.05, 2, 0.5, staircase=True),
        schedules.CosineDecay(0.05, 20, alpha=0.1),
        schedules.CosineDecayRestarts(0.05, 3),
        schedules.InverseTimeDecay(0.05, 2, 0.5),
        schedules.PiecewiseConstantDecay([2, 4], [0.1, 0.05, 0.01]),
        schedules.PolynomialDecay(0.1, 10, power=2.0),
    ]
    return [
        o.SGD(0.1), o.SGD(0.1, momentum=0.9, nesterov=True), o.Adam(0.02), o.Adam(0.02, amsgrad=True),
        o.AdamW(0.02), o.Adamax(0.02), o.Nadam(0.02), o.RMSprop(0.02), o.RMSprop(0.02, momentum=0.9),
        o.RMSprop(0.02, momentum=0.9, centered=True), o.Adagrad(0.02), o.Adadelta(1.0), o.Ftrl(0.1),
        o.Lion(0.01), o.Lamb(0.02), o.Adafactor(0.02), o.Muon(0.02), o.ScheduleFreeAdamW(0.02),
        o.Adam(0.02, use_ema=True, ema_momentum=0.8), o.Adam(0.02, gradient_accumulation_steps=2),
        o.SGD(0.1, weight_decay=0.01, clipnorm=0.5), o.SGD(0.1, clipvalue=0.1),
        o.SGD(0.1, global_clipnorm=0.3), *(o.Adam(rate) for rate in rated),
    ]  # fmt: skip


def by_loss():
    numbers, positive, one_hot, signs = (NUMBERS, 2), (POSITIVE, 2), (ONE_HOT, 2), (SIGNS, 2)
    yes_no, labels = (LABELS, 1), (LABELS, 2)
    return [
        *((name, None, numbers) for name in ("mse", "mae", "mape", "log_cosh", "cosine_similarity")),
        (losses.Huber(), None, numbers),  # Keras does not write its delta
        ("msle", "softplus", positive), ("poisson", "softplus", positive),
        ("kl_divergence", "softmax", one_hot), ("categorical_hinge", None, one_hot),
        ("hinge", None, signs), ("squared_hinge", None, signs),
        (losses.BinaryCrossentropy(label_smoothing=0.1), "sigmoid", yes_no),
        (losses.BinaryCrossentropy(from_logits=True, reduction="sum"), None, yes_no),
        (losses.BinaryFocalCrossentropy(True, alpha=0.4, gamma=1.5), "sigmoid", yes_no),
        (losses.CategoricalCrossentropy(label_smoothing=0.1), "softmax", one_hot),
        (losses.CategoricalFocalCrossentropy(alpha=0.3, gamma=1.5), "softmax", one_hot),
        (losses.CategoricalGeneralizedCrossEntropy(q=0.7), "softmax", (LABELS[:, 0], 2)),
        (losses.SparseCategoricalCrossentropy(from_logits=True), None, labels),
    ]  # fmt: skip


def by_metric():
    m = metrics
    numbers, one_hot, yes_no, labels = (NUMBERS, 2), (ONE_HOT, 2), (LABELS, 1), BY_LABEL
    return [
        *((name, None, numbers) for name in ("mse", "mae", "mape", "cosine_similarity")),
        (m.RootMeanSquaredError(), None, numbers), (m.LogCoshError(), None, numbers),
        (m.R2Score(), None, numbers), (m.PearsonCorrelation(), None, numbers),
        (m.ConcordanceCorrelation(), None, numbers),
        *((name, "softmax", one_hot) for name in ("accuracy", "acc", "kl_divergence")),
        (m.CategoricalAccuracy(name="mine"), "softmax", one_hot), (m.F1Score("macro"), "softmax", one_hot),
        (m.FBetaScore(beta=0.5, threshold=0.4), "softmax", one_hot),
        (m.TopKCategoricalAccuracy(k=1), "softmax", one_hot), ("categorical_hinge", None, one_hot),
        (m.OneHotIoU(2, [0]), "softmax", one_hot), (m.OneHotMeanIoU(2), "softmax", one_hot),
        *((name, "sigmoid", yes_no) for name in ("accuracy", "binary_accuracy", "binary_crossentropy")),
        (m.AUC(num_thresholds=50, curve="PR"), "sigmoid", yes_no), (m.BinaryIoU([1], 0.4), "sigmoid", yes_no),
        *((kind(0.4), "sigmoid", yes_no) for kind in (m.Precision, m.Recall)),
        *((kind(0.4), "sigmoid", yes_no) for kind in (m.TruePositives, m.TrueNegatives)),
        *((kind(0.4), "sigmoid", yes_no) for kind in (m.FalsePositives, m.FalseNegatives)),
        *((kind(0.5), "sigmoid", yes_no) for kind in (m.PrecisionAtRecall, m.RecallAtPrecision)),
        (m.SensitivityAtSpecificity(0.5), "sigmoid", yes_no),
        (m.SpecificityAtSensitivity(0.5), "sigmoid", yes_no),
        ("hinge", None, yes_no), ("squared_hinge", None, yes_no), ("poisson", "softplus", yes_no),
        ("msle", "softplus", yes_no), ("sparse_categorical_accuracy", "softmax", labels),
        (m.SparseCategoricalCrossentropy(), "softmax", labels),
        (m.SparseTopKCategoricalAccuracy(k=1), "softmax", labels),
    ]  # fmt: skip


RANDOM = ("dropout", "noise")


def check(name, case, folder):
    """The largest differences: of predictions and of weights, from mlp to Keras and back."""
    dtype = case.get("dtype", "float32")
    model = mlp.Sequential([layers.Input(case["x"].shape[1:]), *case["layers"]], dtype=dtype, seed=0)
    model.compile(case["optimizer"], case["loss"], metrics=case.get("metrics"), engine="numpy")
    steps = 0 if any(word in name for word in RANDOM) else case.get("steps", 3)
    x, y = case["x"].astype(dtype), case["y"].astype(dtype)
    fit = dict(x=x, y=y, batch_size=ROWS, epochs=steps, shuffle=False, verbose=0)
    model.fit(**{**fit, "epochs": 3})
    ours, theirs = str(folder / "ours.keras"), str(folder / "theirs.keras")
    model.save(ours)
    twin = keras.models.load_model(ours)
    found = [compare(model, twin, case, x, y)]
    if steps and not getattr(case["optimizer"], "use_ema", False):  # which go on from other weights
        model.fit(**fit)
        twin.fit(**fit)
        found.append(apart(model, twin))
    twin.save(theirs)
    back = mlp.models.load_model(theirs)
    found.append(compare(back, twin, case, x, y))
    if steps:
        back.fit(**fit)
        twin.fit(**fit)
        found.append(apart(back, twin))
    weights = str(folder / "some.weights.h5")
    back.save_weights(weights)
    other = keras.models.model_from_json(twin.to_json())
    other.load_weights(weights)
    found.append(np.abs(other.predict(x, verbose=0) - back.predict(x)).max())
    again = mlp.models.model_from_json(twin.to_json())
    again.load_weights(theirs)
    return max(found)


def compare(model, twin, case, x, y):
    assert model.optimizer.iterations == int(np.asarray(twin.optimizer.iterations))
    a, b = model.predict(x), twin.predict(x, verbose=0)
    assert a.dtype == b.dtype
    assert np.isfinite(a).all()
    reported = model.evaluate(x, y, batch_size=ROWS, return_dict=True)
    theirs = twin.evaluate(x, y, batch_size=ROWS, verbose=0, return_dict=True)
    assert reported.keys() == theirs.keys(), (reported, theirs)
    told = max(np.max(np.abs(reported[k] - np.asarray(theirs[k])) / (1 + abs(reported[k]))) for k in reported)
    return max(np.abs(a - b).max(), told)


def apart(model, twin):
    theirs = [np.asarray(value) for value in twin.get_weights() if value.dtype.kind == "f"]  # without counts
    return max(np.abs(a - b).max() for a, b in zip(model.get_weights(), theirs, strict=True))


def main(words):
    warnings.filterwarnings("error", category=UserWarning)  # such as a state that was not taken over
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, one in cases().items():
            if words and not any(word in name for word in words):
                continue
            try:
                with contextlib.redirect_stderr(io.StringIO()):
                    difference = check(name, one, pathlib.Path(folder))
            except Exception as error:
                difference = f"{type(error).__name__}: {str(error)[:600]}"
            wrong = isinstance(difference, str) or not difference <= 2e-6
            failed += wrong
            print(f"{'WRONG ' if wrong else ''}{name}: {difference}", flush=True)
    print(f"{failed} wrong")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
