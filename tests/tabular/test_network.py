"""The network of a recipe: its parts, and how fast each of its parameters learns and decays."""

from dataclasses import replace

import numpy as np
import pytest

from mlp.optimizers import Adam
from mlp.tabular import network
from mlp.tabular.preprocessing import TablePreprocessor
from mlp.tabular.recipe import Recipe, recipe_for

rng = np.random.default_rng(0)
X = [[a, b, f"c{k % 12}"] for k, (a, b) in enumerate(rng.normal(size=(48, 2)))]
TD = replace(recipe_for("td", "classification", 48, 3), hidden_layer_sizes=(4, 4))


def table(recipe):
    return TablePreprocessor(one_hot_limit=recipe.one_hot_limit).fit(X)


# factors of rate, and of rate · weight_decay, which has the square of its own
@pytest.mark.parametrize(
    ("part", "rate", "decay"),
    [
        ("hidden_1.W", 1, 1),
        ("outputs.W", 1, 1),
        ("hidden_1.b", 0.1, 0),
        ("outputs.b", 0.1, 0),
        ("front_scale.gamma", 6, 36),
        ("hidden_2.alpha", 0.1, 0.01),
        ("periodic_embedding.frequency", 0.1, 0.01),
        ("periodic_embedding.phase", 0.1, 0.01),
        ("periodic_embedding.W", 0.1, 0.01),
        ("periodic_embedding.b", 0.1, 0.01),
        ("embedding", 1, 1),
    ],
)
def test_each_parameter_has_its_own_factors(part, rate, decay):
    model = network.network(TD, table(TD), 3, seed=0)
    adam = network.optimizer(TD, model, 10)
    rates, decays = adam.rate_factors, adam.decay_factors
    names = [name for name in model.parameters.names if f".{part}" in f".{name}"]
    assert names
    for name in names:
        assert rates.get(name, 1) == rate
        assert rates.get(name, 1) * decays.get(name, 1) == pytest.approx(decay)


def test_only_recipes_with_decay_have_an_optimizer_for_it():
    model = network.network(TD, table(TD), 3, seed=0)
    assert network.optimizer(TD, model, 10).weight_decay == 0.02
    assert type(network.optimizer(replace(TD, weight_decay=0.0), model, 10)) is Adam


def test_the_seed_decides_the_first_weights():
    simple = Recipe(hidden_layer_sizes=(4,))
    first, again, other = (
        network.network(simple, table(simple), 3, seed).parameters.values for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_the_last_layer_begins_with_zeros():
    simple = Recipe(hidden_layer_sizes=(4,))
    model = network.network(simple, table(simple), 3, seed=0)
    assert not model.predict(table(simple).transform(X)).any()


@pytest.mark.parametrize("recipe", [Recipe(), TD], ids=["simple", "full"])
@pytest.mark.parametrize("added", [0, 5])
def test_the_input_has_the_columns_of_the_table_and_those_added(recipe, added):
    fitted = table(recipe)
    model = network.network(recipe, fitted, 3, 0, added)
    assert model.input_shape[-1] == fitted.transform(X).shape[1] + added
