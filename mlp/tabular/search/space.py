"""The recipes that a search tries: which numbers may differ from the preset's, and how they are drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from scipy.stats import loguniform, uniform

from mlp.errors import ArgumentError
from mlp.naming import nearest
from mlp.tabular.recipe import Recipe, Task

# What says how a recipe is judged is the same for all, or their scores would not be of one kind.
OF_JUDGING = ("n_folds", "n_seeds", "stratified", "judged_by", "clamp", "calibrate")
SEARCHABLE = tuple(field.name for field in fields(Recipe) if field.name not in OF_JUDGING)
KEPT = 0.5  # how likely a field stays as the preset has it
TRIES = 20  # for each recipe that is wanted: a small space has no more


def space_of(recipe: Recipe, task: Task, numeric: bool = True, categorical: bool = True) -> dict[str, Any]:
    """What each field of a recipe is drawn from, unless it stays as it is.

    Two to four layers of 64, 128 or 256 units; SELU or Mish, blended or not; periodic features or
    not, whose first frequencies have a standard deviation from 0.03 to 3; 4 to 32 categories in
    one-hot columns, more in 4, 8 or 16 learned numbers; weights that begin by the data or not; a
    learning rate of 0.4 to 2.5 times that of the recipe; decay from 0.001 to 0.05, dropout from 0 to
    0.5, smoothing from 0.005 to 0.2 or none; half, once or twice the batch.

    Parameters
    ----------
    recipe : Recipe
        Around which one searches.
    task : {"classification", "regression"}
    numeric, categorical : bool
        Whether the table has such columns; otherwise what is for these is left out.

    Returns
    -------
    dict
        For each field a list, or a distribution of scipy.stats.

    References
    ----------
    It follows the space of D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by default: strong
    pre-tuned MLPs and boosted trees on tabular data" (2024), at widths for smaller tables.

    Examples
    --------
    >>> space_of(Recipe(batch_size=64), "regression")["batch_size"]
    [32, 64, 128]
    """
    rate, size = recipe.learning_rate, recipe.batch_size
    space: dict[str, Any] = {
        "hidden_layer_sizes": [(width,) * depth for depth in (2, 3, 4) for width in (64, 128, 256)],
        "activation": ["selu", "mish"],
        "blend": [False, True],
        "data_driven": [False, True],
        "learning_rate": loguniform(0.4 * rate, 2.5 * rate),
        "weight_decay": loguniform(0.001, 0.05),
        "dropout": uniform(0, 0.5),
        "batch_size": [max(size // 2, 1), size, 2 * size],
    }
    if numeric:
        space |= {"periodic_embedding": [False, True], "periodic_stddev": loguniform(0.03, 3)}
    if categorical:
        space |= {"one_hot_limit": [4, 6, 8, 12, 16, 24, 32], "embedding_size": [4, 8, 16]}
    if task == "classification":
        space["label_smoothing"] = [0.0, *np.geomspace(0.005, 0.2, 12).round(4).tolist()]
    return space


def check_space(space: Mapping[str, Any]) -> None:
    """Raise an `ArgumentError` unless it is a mapping of fields to lists or distributions."""
    if not isinstance(space, Mapping) or not space:
        raise ArgumentError(
            f"space must be a mapping of fields of Recipe to what they are drawn from; got {space!r}"
        )
    for name, values in space.items():
        if name not in SEARCHABLE:
            why = " decides how recipes are judged, and is the same for all" if name in OF_JUDGING else ""
            why = why or f" is no field of Recipe.{nearest(str(name), SEARCHABLE)}"
            raise ArgumentError(f"space: {name!r}{why}")
        listed = isinstance(values, Sequence) and not isinstance(values, str) and len(values)
        if not listed and not hasattr(values, "rvs"):
            raise ArgumentError(
                f"space[{name!r}] must be a list of values or a distribution of scipy.stats; got {values!r}"
            )


def draws(
    recipe: Recipe, space: Mapping[str, Any], wanted: int, seed: int, kept: float = KEPT
) -> list[Recipe]:
    """Different recipes, none of which is the given one; the first of many are those of few.

    Parameters
    ----------
    recipe : Recipe
        Whose other fields they have.
    space : mapping
        For each field that may differ a list, each item as likely as the others, or a distribution
        of scipy.stats.
    wanted : int
    seed : int
    kept : float in [0, 1), default 0.5
        How likely a field stays as it is.

    Returns
    -------
    list of Recipe
        Fewer than wanted if the space has no more.

    Raises
    ------
    ArgumentError
        If what is drawn cannot be in a recipe.

    Examples
    --------
    >>> few = draws(Recipe(), {"dropout": [0.0, 0.1, 0.2]}, wanted=10, seed=0)
    >>> sorted(recipe.dropout for recipe in few)
    [0.1, 0.2]
    """
    found: list[Recipe] = []
    for number in range(TRIES * wanted):
        if len(found) == wanted:
            break
        rng = np.random.default_rng([seed, number])
        values = {
            name: _drawn(space[name], rng) for name in sorted(space) if not kept or rng.random() >= kept
        }
        made = replace(recipe, **values)
        if not made.periodic_embedding:  # what is not used is not another recipe
            made = replace(made, periodic_stddev=recipe.periodic_stddev)
        if made != recipe and made not in found:
            found.append(made)
    return found


def _drawn(values: Any, rng: np.random.Generator) -> Any:
    value = values.rvs(random_state=rng) if hasattr(values, "rvs") else values[int(rng.integers(len(values)))]
    return value.item() if isinstance(value, np.generic | np.ndarray) else value
