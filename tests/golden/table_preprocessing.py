"""Make table_preprocessing.json: what RealMLP's own preprocessing makes of a small table.

The tests need only the committed file. To make it again, from the root of the repository and in an
environment of its own:

    python -m venv /tmp/realmlp
    /tmp/realmlp/bin/pip install torch --index-url https://download.pytorch.org/whl/cpu
    /tmp/realmlp/bin/pip install pytabkit
    /tmp/realmlp/bin/python tests/golden/table_preprocessing.py

All in float32, as pytabkit has it; mlp is not imported. The codes of categories that are to be embedded
come as its converter makes them.
"""

import importlib.metadata
import json
import pathlib

import numpy as np
import pandas as pd
import torch
from pytabkit.models.data.conversion import ToDictDatasetConverter
from pytabkit.models.data.data import DictDataset, TensorInfo
from pytabkit.models.nn_models.models import PreprocessingFactory

ROWS, NEW = 40, 8
TRANSFORMS = ["one_hot", "median_center", "robust_scale", "smooth_clip"]
PRESETS = {"td-s": {}, "td": {"max_one_hot_cat_size": 9}}


def main() -> None:
    rng = np.random.default_rng(0)
    seen, new = table(rng, ROWS), table(rng, NEW)
    new.loc[0, "color"], new.loc[1, "yes"], new.loc[2, "city"] = "mauve", np.nan, "Atlantis"
    golden = {"versions": {name: importlib.metadata.version(name) for name in ("pytabkit", "torch")}}
    golden |= {"seen": columns(seen), "new": columns(new)}
    for preset, config in PRESETS.items():
        converter = ToDictDatasetConverter()
        data = with_targets(converter.fit_transform(seen))
        layer, after = (
            PreprocessingFactory(tfms=TRANSFORMS, **config).create(data.tensor_infos).fit_transform(data)
        )
        later = layer(with_targets(converter.transform(new)))
        golden[preset] = {"seen": matrix(after), "new": matrix(later)}
    file = pathlib.Path(__file__).with_name("table_preprocessing.json")
    file.write_text(json.dumps(golden, allow_nan=False, separators=(",", ":")).replace('],"', '],\n"') + "\n")
    print(f"{file.name}: {file.stat().st_size} bytes")


def table(rng, rows):
    frame = pd.DataFrame(
        {
            "normal": rng.normal(5, 2, rows).round(2),
            "heavy": rng.standard_t(1, rows).round(2),
            "mostly_zero": np.where(rng.random(rows) < 0.1, rng.integers(1, 9, rows), 0).astype(float),
            "yes": pd.Series(rng.choice(["yes", "no"], rows), dtype=object),
            "color": pd.Series(rng.choice(["red", "green", "blue", ""], rows), dtype=object),
            "city": pd.Series(rng.choice(list("abcdefghijkl"), rows), dtype=object),
        }
    )
    return frame.replace("", np.nan)  # None would be a category to them


def columns(frame):
    return {name: [None if pd.isna(v) else v for v in frame[name].tolist()] for name in frame}


def with_targets(data):
    """The same rows with targets of one class, which some parts of the pipeline look for."""
    tensors = data.tensors | {"y": torch.zeros(data.n_samples, 1, dtype=torch.long)}
    return DictDataset(tensors, data.tensor_infos | {"y": TensorInfo(cat_sizes=[2])})


def matrix(data):
    parts = [data.tensors["x_cont"]]
    if "x_cat" in data.tensors:
        parts.append(data.tensors["x_cat"])
    return [[float(f"{value:.9g}") for value in row] for row in torch.cat(parts, dim=1).tolist()]


if __name__ == "__main__":
    main()
