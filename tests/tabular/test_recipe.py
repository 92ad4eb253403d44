"""Recipes: what a field may be, and the numbers of the presets."""

import pytest

from mlp.activations import Mish
from mlp.errors import ArgumentError
from mlp.tabular.recipe import Recipe, changed, recipe_for


@pytest.mark.parametrize(
    "field",
    [
        {"hidden_layer_sizes": (8, 0)},
        {"activation": "nothing"},
        {"encodings": ("robust", "fourier")},
        {"encodings": ("robust", "robust")},
        {"encodings": ()},
        {"encodings": "robust"},
        {"one_hot_limit": 0},
        {"learning_rate": 0},
        {"dropout": 1},
        {"patience": -1},
        {"patience": "long"},
        {"judged_by": "accuracy"},
        {"clamp": 1},
        {"epochs": 2.5},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_by_name(field):
    with pytest.raises(ArgumentError, match=next(iter(field))):
        Recipe(**field)


def test_sequences_become_tuples():
    recipe = Recipe(hidden_layer_sizes=[8, 4], encodings=["robust", "quantile"], activation=Mish())
    assert recipe.hidden_layer_sizes == (8, 4)
    assert recipe.encodings == ("robust", "quantile")


def test_none_leaves_a_field_as_it_is():
    assert changed(Recipe(), {"epochs": None, "dropout": 0.1}) == Recipe(dropout=0.1)


# The numbers of Holzmüller, Grinsztajn and Steinwart, "Better by default" (2024)
@pytest.mark.parametrize(
    ("preset", "task", "expected"),
    [
        ("td-s", "classification", {"activation": "selu", "learning_rate": 0.04, "label_smoothing": 0.1}),
        ("td-s", "regression", {"activation": "mish", "learning_rate": 0.07, "clamp": False}),
        ("td", "classification", {"activation": "selu", "learning_rate": 0.04, "clamp": False}),
        ("td", "regression", {"activation": "mish", "learning_rate": 0.2, "clamp": True}),
    ],
)
def test_numbers_of_the_published_presets(preset, task, expected):
    full = preset == "td"
    expected |= {"batch_size": 256, "epochs": 256, "hidden_layer_sizes": (256, 256, 256), "n_folds": 1}
    expected |= {"blend": full, "periodic_embedding": full, "data_driven": full, "periodic_stddev": 0.1}
    expected |= {"dropout": 0.15 * full, "weight_decay": 0.02 * full, "one_hot_limit": 8 if full else None}
    recipe = recipe_for(preset, task, 1000, 10)
    assert {name: getattr(recipe, name) for name in expected} == expected


def test_auto_goes_by_the_rows():
    ends = [1_500, 6_000, 10_000, 30_000, 100_000, 300_000, 10**9]
    recipes = [recipe_for("auto", "classification", rows, 10) for rows in ends]
    # a size belongs to the smaller tables up to its last row
    for end, recipe, larger in zip(ends, recipes, recipes[1:], strict=False):
        assert recipe_for("auto", "classification", end + 1, 10) == larger != recipe
    passes = [recipe.epochs * recipe.n_folds for recipe in recipes[1:]]
    assert passes == sorted(passes, reverse=True)


def test_auto_trains_fewer_networks_of_wide_tables():
    assert (
        recipe_for("auto", "regression", 1000, 200).n_folds
        > recipe_for("auto", "regression", 1000, 201).n_folds
    )


def test_auto_judges_classes_and_numbers_in_their_own_way():
    classes = recipe_for("auto", "classification", 1000, 10)
    numbers = recipe_for("auto", "regression", 1000, 10)
    assert classes.calibrate
    assert classes.stratified
    assert not numbers.calibrate
    assert not numbers.stratified
    assert numbers.clamp
    assert classes.judged_by == numbers.judged_by == "loss"
    assert classes.patience is not None
