"""Models held to Keras and PyTorch: golden/models.json."""

import numpy as np
import pytest
from golden_values import EPS_OF_STEPS, TYPES, agree, golden

import mlp
from mlp.layers import Dense, Input

GOLDEN = golden("models")

MODELS, DATA = GOLDEN["cases"], GOLDEN["arrays"]
EVERY_FIT = [
    pytest.param(
        dtype,
        name,
        variant,
        id=f"{name}-{variant}-{dtype}",
    )
    for dtype in TYPES
    for name, case in MODELS.items()
    for variant in case["float64"]
]
WEIGHTED = {
    "sparse_categorical_crossentropy": "SparseCategoricalAccuracy",
    "categorical_crossentropy": "CategoricalAccuracy",
    "binary_crossentropy": "BinaryAccuracy",
    "mse": "MeanSquaredError",
}


def build(case, dtype, optimizer=None):
    """The network with the golden initial weights."""
    (inputs, _), *rest = case["layers"]
    model = mlp.Sequential([Input((inputs,)), *(Dense(o, activation=f) for o, f in rest)], dtype=dtype)
    model.set_weights(split(case["start"], model))
    rule, options = case["optimizer"]
    weighted = getattr(mlp.metrics, WEIGHTED[case["loss"]])(name="weighted")
    model.compile(
        mlp.optimizers.get({"class_name": rule, "config": options}),
        case["loss"],
        metrics=[case["metric"]],
        weighted_metrics=[weighted],
    )
    return model


def split(vector, model):
    shapes = [w.shape for w in model.get_weights()]
    ends = np.cumsum([np.prod(shape) for shape in shapes])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(np.array(vector), ends), shapes, strict=True)]


def fit(model, target, **options):
    if options.pop("sample_weight", False):
        options["sample_weight"] = DATA["sample_weight"]
    if "class_weight" in options:
        options["class_weight"] = {int(label): w for label, w in options["class_weight"].items()}
    size, epochs = GOLDEN["batch_size"], GOLDEN["epochs"]
    run = model.fit(DATA["X"], target, size, epochs, verbose=0, shuffle=False, **options)
    return run.history


def flat(model):
    return np.concatenate([w.ravel() for w in model.get_weights()])


@pytest.mark.parametrize(("dtype", "name", "variant"), EVERY_FIT)
def test_fit(dtype, name, variant):
    # Keras's AdamW takes 1 − 0.999ᵗ in float32, by which its losses are 3.6e-6 off its own in float64;
    # ours are 9e-8 off those, and so are held to those, in float32 too
    case = MODELS[name]
    theirs, model = case.get(dtype, case["float64"])[variant], build(case, dtype)
    history = fit(model, DATA[name], **GOLDEN["variants"][variant])
    assert history.keys() == theirs["history"].keys()
    for key, values in theirs["history"].items():
        agree(history[key], values, dtype)
    agree(flat(model), theirs["weights"], dtype, absolute=EPS_OF_STEPS[dtype])
    agree(model.evaluate(DATA["X"], DATA[name]), theirs["evaluate"], dtype)


def test_fit_is_the_loop_of_pytorch():
    model = build(MODELS["yes_no"], "float64")
    history = fit(model, DATA["yes_no"])
    agree(history["loss"], MODELS["yes_no"]["torch"]["loss"], "float64")
    agree(flat(model), MODELS["yes_no"]["torch"]["weights"], "float64")
