"""A fitted estimator as one file, and the way back.

The file is a model file: its network is the first of the ensemble, and beside it stand the
columns, the target, the recipe and the weights of all networks.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp import storage
from mlp.errors import ModelFileError
from mlp.naming import describe, require, require_in, require_one_of, revive
from mlp.tabular import targets
from mlp.tabular.ensemble import Ensemble, Group
from mlp.tabular.network import network as network_of
from mlp.tabular.numeric import NumericEncodings
from mlp.tabular.preprocessing import TablePreprocessor
from mlp.tabular.quantiles import KINDS
from mlp.tabular.recipe import Recipe

if TYPE_CHECKING:
    from mlp.tabular.base import BaseTabular

KEY = "table"
GROUP = ("encoding", "weights", "temperature", "share")
PLAIN = (bool, int, float, str, type(None))
NOTES = (
    "best_epochs_", "validation_curves_", "member_scores_", "oof_score_", "oof_spread_",
    "oof_predictions_",
)  # fmt: skip


def save(
    estimator: "BaseTabular", path: str | os.PathLike[str], beside: Mapping[str, Any] | None = None
) -> None:
    """Write a fitted estimator, and plain data beside it; see `BaseTabular.save`."""
    storage.save(estimator.member(0), path, extra={**(beside or {}), KEY: describe_estimator(estimator)})


def describe_estimator(estimator: "BaseTabular") -> dict[str, Any]:
    """All of a fitted estimator, as plain data and arrays."""
    recipe = asdict(estimator.recipe_)
    if not isinstance(recipe["activation"], str):
        recipe["activation"] = describe(recipe["activation"])
    return {
        "class": type(estimator).__name__,
        "parameters": plain_parameters(estimator),
        "recipe": recipe,
        "preprocessor": estimator.preprocessor_.get_config(),
        "target": estimator.target_.get_config(),
        "encodings": estimator.encodings_.get_config(),
        "groups": [{name: getattr(group, name) for name in GROUP} for group in estimator.ensemble_.groups],
        "notes": {name: getattr(estimator, name) for name in (*NOTES, *estimator._notes)},
    }


def plain_parameters(estimator: Any) -> dict[str, Any]:
    """The parameters of an estimator's constructor that are data."""
    return {k: v for k, v in estimator.get_params(deep=False).items() if _is_plain(v)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    return isinstance(value, PLAIN)


def restore(path: str | os.PathLike[str], kinds: dict[str, type["BaseTabular"]]) -> "BaseTabular":
    """Read what `save` wrote; see `mlp.tabular.load`."""
    return revive_estimator(read(path)[KEY], path, kinds)


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a file of an estimator holds beside its first network.

    Raises
    ------
    FileNotFoundError, ModelFileError
        If there is no such file, or it is none of an estimator.
    """
    arrays, description = storage.read(path)
    extra = storage.extra_of(arrays, description)
    if not isinstance(extra.get(KEY), dict):
        raise ModelFileError(
            f"{path} is a network without a table's columns; read it by mlp.models.load_model"
        )
    return extra


def revive_estimator(
    kept: dict[str, Any], path: str | os.PathLike[str], kinds: dict[str, type["BaseTabular"]]
) -> "BaseTabular":
    """The estimator that `describe_estimator` has described.

    Raises
    ------
    ModelFileError
        If it describes none; `path` is where that was found.
    """
    try:
        made = kinds[kept["class"]](**kept["parameters"])
        recipe = dict(kept["recipe"])
        if not isinstance(recipe["activation"], str):
            recipe["activation"] = revive(recipe["activation"], kind="Activation")
        made.recipe_ = Recipe(**recipe)
        made.preprocessor_ = TablePreprocessor.from_config(kept["preprocessor"])
        made.target_ = targets.from_config(kept["target"], KINDS)
        made.encodings_ = NumericEncodings.from_config(kept["encodings"], made.preprocessor_.n_numeric_)
        made.__dict__.update({name: kept["notes"][name] for name in (*NOTES, *made._notes)})
        made._check_notes()
        made.ensemble_ = Ensemble(made.target_, [_group(made, entry) for entry in kept["groups"]])
        require(len(made.ensemble_) > 0, "groups", kept["groups"], "some networks")
        made._note_columns()
    except Exception as error:  # a file can hold anything: whatever goes wrong is its fault
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise ModelFileError(f"{path} is not an estimator that can be rebuilt: {reason}") from error
    return made


def _group(made: "BaseTabular", entry: dict[str, Any]) -> Group:
    """Networks of one form, with their weights."""
    encoding, weights = entry["encoding"], entry["weights"]
    require_one_of("encoding", encoding, made.encodings_.names)
    for name in ("temperature", "share"):
        require_in("[0, inf)" if name == "share" else "(0, inf)", name, entry[name])
    added = made.encodings_.widths[encoding]
    network = network_of(made.recipe_, made.preprocessor_, made.target_.units, 0, added)
    network.compile("adam", made.target_.loss(made.recipe_), engine=made.engine, n_threads=made.n_threads)
    values = network.parameters.values
    right = isinstance(weights, np.ndarray) and weights.dtype == values.dtype
    right = right and weights.ndim == 2 and len(weights) > 0 and weights.shape[1] == values.size
    require(right, "weights", weights, f"rows of {values.size} numbers, {values.dtype}")
    return Group(encoding, network, weights, entry["temperature"], entry["share"])
