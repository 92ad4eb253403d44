"""RealMLP held to its authors' package: golden/tabular.json, a run of sixteen steps on a small table."""

import numpy as np
import pytest
from golden_values import golden

import mlp
from mlp.activations import Blend
from mlp.layers import Columns, Concatenate, Input, NTKDense, PeriodicEmbedding, Scale
from mlp.optimizers.schedules import CosLog, FlatCosine
from mlp.tabular.preprocessing import TablePreprocessor

GOLDEN = golden("tabular")
INPUTS = np.array(GOLDEN["inputs"], np.float32)
WIDTH, STEPS = 8, 16
LEARNING_RATE = {"classes": 0.04, "numbers": 0.07}
LEARNING_RATE_TD = {"classes": 0.04, "numbers": 0.2}
NUMERIC = 2  # columns, which come first
ACTIVATION = {"classes": "selu", "numbers": "mish"}

both_engines = pytest.mark.parametrize("engine", ["numpy", "numba"])
both_kinds = pytest.mark.parametrize("kind", ["classes", "numbers"])


def targets(kind):
    """The targets of the training rows: class numbers, or numbers that are standardised."""
    y = np.array(GOLDEN[kind])[: GOLDEN["rows"]]
    return y if kind == "classes" else ((y - y.mean()) / y.std()).astype(np.float32)[:, np.newaxis]


def network(kind, start, periodic=False):
    """TD-S, or TD, with the reference's first weights."""
    activations = [Blend(ACTIVATION[kind]) if periodic else ACTIVATION[kind] for _ in range(3)]
    hidden = [NTKDense(WIDTH, activation, name=f"dense_{k}") for k, activation in enumerate(activations)]
    last = NTKDense(3 if kind == "classes" else 1, name="dense_3")
    columns = INPUTS.shape[1]
    branches = [
        [Columns(list(range(NUMERIC))), PeriodicEmbedding(name="embedding")],
        [Columns(list(range(NUMERIC, columns)))],
    ]
    embedding = [Concatenate(branches)] if periodic else []
    model = mlp.Sequential([Input((columns,)), *embedding, Scale(name="scale"), *hidden, last])
    names = [".".join(name.split(".")[-2:]) for name in model.parameters.names]
    assert sorted(names) == sorted(start)
    model.set_weights([np.array(start[name], np.float32) for name in names])
    return model


def loss_function(kind):
    if kind == "numbers":
        return mlp.losses.MeanSquaredError()
    return mlp.losses.SparseCategoricalCrossentropy(from_logits=True, label_smoothing=0.1)


def follow(model, kind, batches):
    """The loss of each step on the reference's batches."""
    y = targets(kind)
    options = {"batch_size": GOLDEN["batch_size"], "epochs": 1, "shuffle": False, "verbose": 0}
    return [model.fit(INPUTS[rows], y[rows], **options).history["loss"][0] for rows in batches]


def td_s(kind, engine):
    model = network(kind, GOLDEN["runs"][f"TD_S {kind}"]["weights"])
    schedule = CosLog(LEARNING_RATE[kind], STEPS)
    optimizer = mlp.optimizers.Adam(
        schedule, 0.9, 0.95, 1e-8, correct_epsilon=True, rate_factors={"gamma": 6, "b": 0.1}
    )
    model.compile(optimizer, loss_function(kind), engine=engine)
    return model


@both_engines
@both_kinds
def test_td_s_follows_the_reference(kind, engine):
    run, model = GOLDEN["runs"][f"TD_S {kind}"], td_s(kind, engine)
    losses = follow(model, kind, run["batches"])
    assert len(losses) == STEPS
    np.testing.assert_allclose(losses, run["losses"], rtol=0, atol=1e-5)
    for name, weights in zip(model.parameters.names, model.get_weights(), strict=True):
        np.testing.assert_allclose(weights, run["weights_after"][name], rtol=0, atol=2e-4, err_msg=name)


@both_engines
@both_kinds
def test_td_follows_the_reference(kind, engine):
    run = GOLDEN["runs"][f"TD {kind}"]
    model = network(kind, run["weights"], periodic=True)
    rates = {"gamma": 6, "embedding": 0.1, "alpha": 0.1}
    rates |= {f"dense_{k}.b": 0.1 for k in range(4)}
    # the reference multiplies the decay by the square of a factor of the rate
    decays = {name: 0 if name.endswith(".b") else factor for name, factor in rates.items()}
    schedule, decay = CosLog(LEARNING_RATE_TD[kind], STEPS), FlatCosine(0.02, STEPS)
    optimizer = mlp.optimizers.AdamW(
        schedule, 0.02, 0.9, 0.95, 1e-8, correct_epsilon=True, rate_factors=rates, decay_factors=decays
    )
    model.compile(optimizer, loss_function(kind), engine=engine)
    losses = []
    for step, rows in enumerate(run["batches"]):
        model.optimizer.weight_decay = decay(step)
        losses += follow(model, kind, [rows])
    np.testing.assert_allclose(losses, run["losses"], rtol=0, atol=5e-5)


def table():
    """All rows as the reference's estimators get them."""
    return [list(row) for row in zip(*GOLDEN["X"].values(), strict=True)]


def test_the_table_becomes_the_same_inputs():
    preprocessor = TablePreprocessor().fit(table()[: GOLDEN["rows"]])
    inputs = preprocessor.transform(table()[: GOLDEN["rows"]])
    np.testing.assert_allclose(inputs, INPUTS, rtol=0, atol=1e-6)


@both_kinds
def test_td_s_of_the_best_epoch_predicts_the_same(kind):
    run, model, rows = GOLDEN["runs"][f"TD_S {kind}"], td_s(kind, "numpy"), GOLDEN["rows"]
    per_epoch = STEPS // GOLDEN["epochs"]
    follow(model, kind, run["batches"][: run["best_epoch"] * per_epoch])
    held_out = TablePreprocessor().fit(table()[:rows]).transform(table()[rows:])
    outputs = model.predict(held_out, verbose=0).astype(np.float64)
    if kind == "classes":
        found = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    else:
        y = np.array(GOLDEN[kind])[:rows]
        found = outputs[:, 0] * y.std() + y.mean()
    np.testing.assert_allclose(found, run["predictions"], rtol=0, atol=5e-5)
