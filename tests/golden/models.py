"""Golden values of whole models."""

import itertools

import keras
import numpy as np
import torch
from peers import TYPES, compare, use
from torch.nn import functional

ROWS, BATCH, EPOCHS = 40, 8, 5
# widths and activations, loss, optimizer, metrics
MODELS = {
    "classes": (
        [(4, None), (8, "relu"), (3, "softmax")],
        "sparse_categorical_crossentropy",
        ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
        "accuracy",
    ),
    "one_hot": (
        [(4, None), (8, "relu"), (3, "softmax")],
        "categorical_crossentropy",
        ("AdamW", {"learning_rate": 0.02}),
        "accuracy",
    ),
    "yes_no": (
        [(4, None), (6, "tanh"), (5, "tanh"), (1, "sigmoid")],
        "binary_crossentropy",
        ("SGD", {"learning_rate": 0.5}),
        "accuracy",
    ),
    "numbers": (
        [(4, None), (6, None), (2, None)],
        "mse",
        ("RMSprop", {"learning_rate": 0.02}),
        "mae",
    ),
}
# what `fit` gets; 0.25 leaves 30 rows, so that the last batch has 6
VARIANTS = {
    "plain": {},
    "validation_split": {"validation_split": 0.25},
    "sample_weight": {"sample_weight": True},
    "sample_weight, validation_split": {"sample_weight": True, "validation_split": 0.25},
    "class_weight": {"class_weight": {0: 0.5, 1: 2.0}},
    "class_weight, validation_split": {"class_weight": {0: 0.5, 1: 2.0}, "validation_split": 0.25},
}


def models():
    """Initial weights, and of each `fit` the history and the final weights."""
    arrays = data()
    golden = {"arrays": arrays, "batch_size": BATCH, "epochs": EPOCHS, "variants": VARIANTS, "cases": {}}
    for name, (stack, loss, optimizer, metric) in MODELS.items():
        start = initial(stack)
        case = {"layers": stack, "loss": loss, "optimizer": optimizer, "metric": metric, "start": start}
        for dtype in TYPES if optimizer[0] != "AdamW" else ("float64",):  # in float32 Keras's is 3.6e-6 off
            case[dtype] = {v: keras_fit(case, arrays, name, v, dtype) for v in VARIANTS if applies(name, v)}
        golden["cases"][name] = case
    yes_no = golden["cases"]["yes_no"]
    yes_no["torch"] = torch_fit(yes_no["start"], arrays["X"], arrays["yes_no"])
    compare("Tanh and sigmoid network", yes_no["float64"]["plain"]["weights"], yes_no["torch"]["weights"])
    return golden


def applies(model, variant):
    return not (model == "numbers" and "class_weight" in variant)


def data():
    rng = np.random.default_rng(5)
    X = rng.normal(0, 1, (ROWS, 4)).round(3)
    score = X @ rng.normal(0, 1, (4, 3)) + rng.normal(0, 0.5, (ROWS, 3))
    labels = score.argmax(1)
    return {
        "X": X,
        "classes": labels,
        "one_hot": np.eye(3, dtype=int)[labels],
        "yes_no": (score[:, :1] > 0).astype(int),
        "numbers": score[:, :2].round(3),
        "sample_weight": rng.choice([0, 0.5, 1, 2.5], ROWS),
    }


def shapes(stack):
    return [shape for (i, _), (o, _) in itertools.pairwise(stack) for shape in ((i, o), (o,))]


def initial(stack):
    """All weights in one vector, of small numbers with three digits."""
    size = sum(int(np.prod(shape)) for shape in shapes(stack))
    return np.random.default_rng(6).uniform(-0.8, 0.8, size).round(3)


def arrays_of(vector, stack):
    sizes = [int(np.prod(shape)) for shape in shapes(stack)]
    parts = np.split(np.asarray(vector), np.cumsum(sizes)[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes(stack), strict=True)]


def keras_fit(case, arrays, name, variant, dtype):
    use(dtype)
    (inputs, _), *rest = case["layers"]
    model = keras.Sequential(
        [keras.Input((inputs,)), *(keras.layers.Dense(o, activation=f) for o, f in rest)]
    )
    model.set_weights(arrays_of(case["start"], case["layers"]))
    rule, options = case["optimizer"]
    optimizer = getattr(keras.optimizers, rule)(**options)
    model.compile(optimizer, case["loss"], metrics=[case["metric"]], weighted_metrics=weighted(case))
    fit = dict(VARIANTS[variant])
    if fit.pop("sample_weight", False):
        fit["sample_weight"] = arrays["sample_weight"].astype(dtype)
    target = arrays[name] if name == "classes" else arrays[name].astype(dtype)
    X = arrays["X"].astype(dtype)
    history = model.fit(X, target, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0, **fit).history
    weights = np.concatenate([np.ravel(array) for array in model.get_weights()])
    assert weights.dtype == dtype
    return {"history": history, "weights": weights, "evaluate": model.evaluate(X, target, verbose=0)}


def weighted(case):
    kind = {"accuracy": "BinaryAccuracy", "mae": "MeanSquaredError"}
    if case["loss"] == "sparse_categorical_crossentropy":
        kind["accuracy"] = "SparseCategoricalAccuracy"
    if case["loss"] == "categorical_crossentropy":
        kind["accuracy"] = "CategoricalAccuracy"
    return [getattr(keras.metrics, kind[case["metric"]])(name="weighted")]


def torch_fit(start, X, T):
    """The loop that every PyTorch user writes; losses of the epochs, final weights."""
    weights = [torch.tensor(w, requires_grad=True) for w in arrays_of(start, MODELS["yes_no"][0])]
    X, T = torch.tensor(X), torch.tensor(T.astype(float))
    optimizer, losses = torch.optim.SGD(weights, 0.5), []
    for _ in range(EPOCHS):
        total = 0.0
        for rows in torch.arange(ROWS).split(BATCH):
            W1, b1, W2, b2, W3, b3 = weights
            net = torch.tanh(torch.tanh(X[rows] @ W1 + b1) @ W2 + b2) @ W3 + b3
            loss = functional.binary_cross_entropy_with_logits(net, T[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / ROWS)
    final = np.concatenate([w.detach().numpy().ravel() for w in weights])
    return {"loss": losses, "weights": final}
