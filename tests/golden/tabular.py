"""Make tabular.json: sixteen steps of RealMLP as its authors' package takes them, for mlp to follow.

The tests need neither PyTorch nor pytabkit, only the committed file. To make it again, from the root of
the repository and in an environment of its own:

    python -m venv /tmp/realmlp
    /tmp/realmlp/bin/pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu
    /tmp/realmlp/bin/pip install pytabkit==1.7.3 pandas
    /tmp/realmlp/bin/python tests/golden/tabular.py

TD-S and TD, of classes and of numbers, on a table with two numbers and two categories: 67 rows to train
with and 20 to choose the epoch by. The settings are those of the package but for the width (8 for 256),
the batch (16 for 256), the epochs (4 for 256) and TD's dropout (0 for 0.15). An epoch is four steps and
three rows left out, so that sixteen steps are a whole run of the schedules. Of each run: the weights
before the first step and after the last, in float32; the rows of each step; the loss of each step; the
best epoch and what it predicts. mlp is not imported.
"""

import json
import logging
import pathlib
import warnings
from importlib import metadata

import numpy as np
import pandas as pd
import pytabkit
from pytabkit.models.data import data
from pytabkit.models.nn_models.nn import PLREmbeddingsLayerCosBias
from pytabkit.models.training.lightning_modules import TabNNModule

ROWS, HELD_OUT, BATCH, EPOCHS, WIDTH = 67, 20, 16, 4, 8
STEPS = ROWS // BATCH
# the names of the arrays in the package, the names here
NAMES = {
    "plr/weight_1": "embedding.frequency",
    "plr/bias_1": "embedding.phase",
    "plr/weight_2": "embedding.W",
    "plr/bias_2": "embedding.b",
    "scale": "scale.gamma",
    "weight": "W",
    "bias": "b",
    "act": "alpha",
}


def main() -> None:
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    X, targets = table()
    golden = {
        "versions": {name: metadata.version(name) for name in ("pytabkit", "torch", "numpy")},
        "rows": ROWS,
        "batch_size": BATCH,
        "epochs": EPOCHS,
        "X": X.to_dict("list"),
        **{name: y.tolist() for name, y in targets.items()},
    }
    runs, inputs = {}, None
    for form in ("TD_S", "TD"):
        for kind in targets:
            runs[f"{form} {kind}"], seen = run(form, kind, X, targets[kind])
            if form == "TD_S":  # its batches are scaled and encoded; TD scales within the net
                inputs = seen if inputs is None else inputs
                assert np.array_equal(inputs, seen)
            else:  # the same scaling, of the columns that are numbers
                assert np.allclose(inputs[:, :2], seen, atol=1e-6)
    golden |= {"inputs": exact(inputs), "runs": runs}
    file = pathlib.Path(__file__).with_name("tabular.json")
    text = json.dumps(golden, allow_nan=False, separators=(",", ":"))
    file.write_text(text.replace('],"', '],\n"').replace('},"', '},\n"') + "\n")
    print(f"{file.name}: {file.stat().st_size} bytes")


def table():
    """Two columns of numbers, one of three categories, one of two; a target of classes, one of numbers."""
    rng = np.random.default_rng(0)
    n = ROWS + HELD_OUT
    X = pd.DataFrame(
        {
            "a": rng.normal(size=n).round(3),
            "b": rng.lognormal(size=n).round(3),
            "c": rng.choice(["u", "v", "w"], n),
            "d": rng.choice(["no", "yes"], n),
        }
    )
    score = np.sin(2 * X.a) + np.log(X.b) * (X.c == "v") + (X.d == "yes") + rng.normal(0, 0.2, n)
    y = {"classes": np.digitize(score, [0.0, 1.0]), "numbers": (10 + 3 * score).to_numpy().round(3)}
    return X, y


def run(form, kind, X, y):
    """One fit, watched; and the inputs of its training rows as the first layer has them."""
    watched = Watched()
    options = {"p_drop": 0.0} if form == "TD" else {}
    cls = getattr(pytabkit, f"RealMLP_{form}_{'Classifier' if kind == 'classes' else 'Regressor'}")
    model = cls(
        device="cpu", random_state=0, n_epochs=EPOCHS, batch_size=BATCH, hidden_sizes=[WIDTH] * 3, **options
    )
    held_out = np.arange(ROWS, len(X))
    with watched:
        model.fit(X, y, val_idxs=held_out)
    predict = model.predict_proba if kind == "classes" else model.predict
    found = {
        "losses": watched.losses,
        "batches": [rows.tolist() for rows in watched.batches],
        "weights": watched.before,
        "weights_after": watched.after,
        "best_epoch": next(iter(model.alg_interface_.fit_params[0]["stop_epoch"].values())),
        "predictions": exact(predict(X.iloc[held_out])),
    }
    return found, watched.inputs()


class Watched:
    """Writes down what a fit does, as long as it is entered."""

    def __enter__(self):
        self.orders, self.batches, self.losses, self.seen = [], [], [], []
        self.before = self.after = None
        self.saved = (TabNNModule.training_step, data.batch_randperm, PLREmbeddingsLayerCosBias.forward_cont)
        step, shuffle, embed = self.saved

        def watched_step(module, batch, number):
            if self.before is None:
                self.before = arrays(module)
            epoch = len(self.losses) // STEPS
            self.batches.append(self.orders[epoch][number * BATCH : (number + 1) * BATCH])
            if not any("plr" in str(p.context.scope) for p in module.model.parameters()):
                self.seen.append(batch["x_cont"][0].numpy())
            loss = step(module, batch, number)
            self.losses.append(float(loss))
            self.after = arrays(module)
            return loss

        def watched_shuffle(*arguments, **options):
            order = shuffle(*arguments, **options)
            self.orders.append(order[0].numpy())
            return order

        def watched_embedding(layer, x):
            if layer.training and x.shape[-2] == BATCH and x.dim() == 3:
                self.seen.append(x[0].detach().numpy().copy())
            return embed(layer, x)

        TabNNModule.training_step, data.batch_randperm = watched_step, watched_shuffle
        PLREmbeddingsLayerCosBias.forward_cont = watched_embedding
        return self

    def __exit__(self, *error):
        TabNNModule.training_step, data.batch_randperm, PLREmbeddingsLayerCosBias.forward_cont = self.saved

    def inputs(self):
        """Each training row as the batches have shown it, always with the same values."""
        assert len(self.seen) == len(self.batches) == STEPS * EPOCHS
        found = np.full((ROWS, self.seen[0].shape[1]), np.nan, np.float32)
        for rows, values in zip(self.batches, self.seen, strict=True):
            known = ~np.isnan(found[rows, 0])
            assert np.array_equal(found[rows][known], values[known])
            found[rows] = values
        assert not np.isnan(found).any(), "a row was in no batch: choose another seed"
        return found


def arrays(module):
    """All that is learned, by the names of mlp: `layer-2/weight` is dense_2.W."""
    found = {}
    for parameter in module.model.parameters():
        layer, name = str(parameter.context.scope).split("/")[-2:]
        value = parameter.detach().numpy()[0]  # without the axis of the nets that are trained together
        if layer == "plr":
            key = NAMES[f"plr/{name}"]
            value = value if name == "weight_2" else value[:, 0]
        else:
            key = NAMES[name] if name == "scale" else f"dense_{layer.removeprefix('layer-')}.{NAMES[name]}"
            value = value if name == "weight" else value[0]
        found[key] = exact(value)
    return found


def exact(array):
    """Lists of numbers with the nine digits that give a float32 back."""
    if np.ndim(array):
        return [exact(part) for part in array]
    return float(f"{np.float32(array):.9g}")


if __name__ == "__main__":
    main()
