"""Write keras.md: every public name of Keras, and ours or why there is none.

    python docs/make_keras_table.py

The names are those of tests/golden/names.json. A name that mlp has under the same path is
found by itself; each of the others needs its reason below, or this script fails.
"""

import fnmatch
import importlib
import json
import pathlib

HERE = pathlib.Path(__file__).parent
NAMES = HERE.parent / "tests" / "golden" / "names.json"

HEAD = """# Keras's names in mlp

`import mlp as keras` runs a script whose model is a `Sequential` of the layers below. This table
lists every public name of Keras {version}, what stands for it here, and where there is nothing,
why. It is written by `python docs/make_keras_table.py`; a test holds it to be complete and true.

Arguments have Keras's names and defaults. What differs on purpose:

- `Dense` has `W` and `b`, Keras's `kernel` and `bias`; saved weights are named so.
- `evaluate` and `predict` print nothing unless `verbose` is 1 or 2.
- `evaluate` does not depend on the size of its batches; a loss with ``reduction="sum"`` is a sum over
  all rows.
- A cross-entropy after its own activation is computed from the net activation, without Keras's
  clipping at 1e-7.
- With `steps_per_epoch` the batches are an endless stream: no epoch runs out of data.
- Losses and metrics take a vector as n samples of one output, where Keras takes it as one sample.
- Constraints act after steps, also while gradients are accumulated; names that `exclude_from_weight_decay`
  and Muon's `exclude_layers` are given are those of parameters or layers, not regular expressions.
- Shapes of rows, such as `model.input_shape`, are without the leading None.
- What trains silently wrong in Keras is refused: cross-entropies of outputs that are no probabilities, or of
  probabilities taken for logits, targets outside a loss's domain, NaN.
- Arguments that cannot have an effect are not there (`dtype` of a layer, quantization, masks, ragged
  inputs).
- Strings resolve by name without regard to case and underscores; an unknown one lists the nearest.
"""

IMAGES = "images and sequences, not an MLP"
GRAPH = "a model is a `Sequential`; branches are `layers.Residual` and `layers.Concatenate`"
BACKEND = "there is one backend, NumPy: use its functions"
PREPROCESSING = (
    "preparing tables is scikit-learn's: `ColumnTransformer`, `OneHotEncoder`, `KBinsDiscretizer` …"
)
NOTHING = "no counterpart for MLPs"
LATER = "not yet"

# path pattern, name patterns, the reason; the first that fits counts
REASONS = [
    ("keras", "Model Function Operation KerasTensor InputSpec", GRAPH),
    ("keras", "Variable Stateless* Symbolic* name_scope device ops backend tree Remat* remat", BACKEND),
    (
        "keras",
        "DTypePolicy FloatDTypePolicy dtype_policies mixed_precision config",
        "`Sequential(dtype=...)`",
    ),
    ("keras", "Quantizer quantizers export distillation", LATER),
    ("keras", "distribution applications preprocessing visualization legacy src wrappers", NOTHING),
    ("keras", "datasets", "scikit-learn has data sets; the `mlp` command can make some"),
    ("keras", "random", "a seed: `Sequential(seed=...)`, `utils.set_random_seed`"),
    ("keras", "version", "`mlp.__version__`"),
    ("models", "Model", GRAPH),
    ("*", "*clone_model KerasFileEditor", LATER),
    ("callbacks", "OrbaxCheckpoint", "`callbacks.BackupAndRestore`: one file, exact to the bit"),
    ("callbacks", "RemoteMonitor", "`callbacks.LambdaCallback` with a request of your own"),
    (
        "layers",
        "Conv* Contrast* *Pool* Depthwise* Separable* Cropping* ZeroPadding* UpSampling* Resizing Center*",
        IMAGES,
    ),
    ("layers", "Random* RandAugment Aug* Auto* CutMix MixUp Equalization Solarization Max*Boxes", IMAGES),
    ("layers", "*LSTM* *GRU* *RNN* Bidirectional TimeDistributed Masking *Attention* *Spectrogram", IMAGES),
    ("layers", "SpatialDropout* ReversibleEmbedding TextVectorization", IMAGES),
    ("layers", "StringLookup IntegerLookup Hash* CategoryEncoding Discretization Pipeline", PREPROCESSING),
    ("layers", "FlaxLayer JaxLayer TFSMLayer TorchModuleWrapper", "wraps a model of another library"),
    ("layers", "Add Average Dot Maximum Minimum Multiply Subtract", GRAPH),
    ("layers", "add average dot maximum minimum multiply subtract concatenate", GRAPH),
    ("layers", "EinsumDense InputSpec Wrapper", "for tensors of higher rank; rows here are lists of numbers"),
    ("layers", "SpectralNormalization", LATER),
    ("losses", "CTC ctc Dice dice Tversky tversky Circle circle", IMAGES),
    ("initializers", "STFT* stft", "short-time Fourier transforms, not an MLP"),
    ("optimizers", "LossScaleOptimizer", "for 16-bit floats, which are slower on a CPU"),
    ("optimizers", "MultiOptimizer OptimizerMap", "`rate_factors` and `decay_factors` of every optimizer"),
    ("optimizers", "legacy", NOTHING),
    ("utils", "*image* *img* *audio* *text* *timeseries* pad_sequences bounding_boxes", IMAGES),
    ("utils", "model_to_dot", "`utils.plot_model`, without Graphviz"),
    ("utils", "FeatureSpace", PREPROCESSING),
    ("utils", "*pack_x_y* Progbar get_file", LATER),
    ("utils", "*", "Keras's own machinery"),
]


def table() -> str:
    """The document."""
    golden = json.loads(NAMES.read_text())
    parts = [HEAD.format(version=golden["versions"]["keras"])]
    for path, names in golden["names"].items():
        rows = [row(path, name) for name in names]
        title = "keras" if path == "keras" else f"keras.{path}"
        parts.append(f"## {title}\n\n| Keras | mlp |\n|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def row(path: str, name: str) -> str:
    """A line of the table."""
    ours = "mlp" if path == "keras" else f"mlp.{path}"
    if has(ours, name):
        return f"| `{name}` | `{ours}.{name}` |"
    return f"| `{name}` | – {reason(path, name)} |"


def has(module: str, name: str) -> bool:
    """Whether the module of that path exists and has the name."""
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError:
        return False
    return name in getattr(found, "__all__", ()) or (not hasattr(found, "__all__") and hasattr(found, name))


def reason(path: str, name: str) -> str:
    """Why there is no such name here."""
    for places, patterns, why in REASONS:
        fits = any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns.split())
        if fits and fnmatch.fnmatchcase(path, places):
            return why
    raise SystemExit(f"docs/make_keras_table.py has no reason why {path}.{name} is not in mlp")


if __name__ == "__main__":
    (HERE / "keras.md").write_text(table(), encoding="utf-8")
