"""From a recipe to a network: embeddings of the columns, a learned scale, and hidden layers."""

from typing import Any

from mlp import activations, layers
from mlp.callbacks import Callback, HyperparameterScheduler
from mlp.initializers import RandomNormal
from mlp.models import Sequential
from mlp.optimizers import Adam, AdamW, Optimizer
from mlp.optimizers.schedules import CosLog, FlatCosine
from mlp.tabular.preprocessing import TablePreprocessor
from mlp.tabular.recipe import Recipe

# By a part of a parameter's name, the first that fits: factors of the learning rate, and of decay beside
# that. In the reference decay has the square of the former, which is what both together make here.
FACTORS = {
    "periodic_embedding": (0.1, 0.1),
    "front_scale": (6.0, 6.0),
    "alpha": (0.1, 0.1),
    "b": (0.1, 0.0),
}


def network(recipe: Recipe, table: TablePreprocessor, units: int, seed: int, added: int = 0) -> Sequential:
    """The network for the columns that a `TablePreprocessor` makes, built and not compiled.

    Parameters
    ----------
    recipe : Recipe
    table : TablePreprocessor
        Fitted.
    units : int
        Outputs.
    seed : int
        Of the first weights, and of all that its training draws.
    added : int, default 0
        Further columns, after those of the table.
    """
    width = width_of(table) + added
    stack: list[Any] = [
        layers.Input((width,)),
        *_embeddings(recipe, table, added),
        layers.Scale(name="front_scale"),
    ]
    normal = RandomNormal(stddev=1.0)
    for number, hidden in enumerate(recipe.hidden_layer_sizes):
        activation = activations.get(recipe.activation)
        stack.append(
            layers.NTKDense(
                hidden,
                activations.Blend(activation) if recipe.blend else activation,
                kernel_initializer=normal,
                bias_initializer=normal,
                name=f"hidden_{number + 1}",
            )
        )
        if recipe.dropout:
            stack.append(layers.Dropout(recipe.dropout, name=f"dropout_{number + 1}"))
    stack.append(layers.NTKDense(units, kernel_initializer="zeros", name="outputs"))
    return Sequential(stack, seed=seed)


def width_of(table: TablePreprocessor) -> int:
    """How many numbers a row of the table becomes."""
    return table.n_numeric_ + table.n_indicators_ + table.n_one_hot_ + len(table.embedding_sizes_)


def _embeddings(recipe: Recipe, table: TablePreprocessor, added: int) -> list[layers.Layer]:
    """What makes more of the columns than there is; nothing where all go in as they are."""
    width = width_of(table)
    codes = range(width - len(table.embedding_sizes_), width)
    numbers = range(table.n_numeric_ if recipe.periodic_embedding else 0)
    as_they_are = [*range(len(numbers), codes.start), *range(width, width + added)]
    branches: list[Any] = []
    if numbers:
        branches.append(
            [
                layers.Columns([*numbers]),
                layers.PeriodicEmbedding(stddev=recipe.periodic_stddev, name="periodic_embedding"),
            ]
        )
    if as_they_are:
        branches.append([layers.Columns(as_they_are)])
    for code, size in zip(codes, table.embedding_sizes_, strict=True):
        lookup = layers.Embedding(size, recipe.embedding_size, RandomNormal(stddev=1.0))
        branches.append([layers.Columns([code]), lookup, layers.Flatten()])
    if len(branches) > 1:
        return [layers.Concatenate(branches)]
    only: list[layers.Layer] = branches[0][1:]  # of all columns
    return only


def optimizer(recipe: Recipe, model: Sequential, steps: int) -> Optimizer:
    """Adam with the recipe's waves of the learning rate over that many steps.

    Parameters
    ----------
    recipe : Recipe
    model : Sequential
        Whose parameters it is for.
    steps : int
        Of the whole training.
    """
    waves = CosLog(recipe.learning_rate, steps)
    rates, decays = _factors(model)
    common: dict[str, Any] = dict(
        beta_1=0.9, beta_2=0.95, epsilon=1e-8, correct_epsilon=True, rate_factors=rates
    )
    if not recipe.weight_decay:
        return Adam(waves, **common)
    return AdamW(waves, recipe.weight_decay, decay_factors=decays, **common)


def _factors(model: Sequential) -> tuple[dict[str, float], dict[str, float]]:
    """Factors of the learning rate and of decay, by the names of the parameters that have some."""
    rates, decays = {}, {}
    for name in model.parameters.names:
        part = next((part for part in FACTORS if f".{part}." in f".{name}."), None)
        if part is not None:
            rates[name], decays[name] = FACTORS[part]
    return rates, decays


def schedules(recipe: Recipe, model: Sequential) -> list[Callback]:
    """What lowers dropout and weight decay in the second half of a training."""
    falling: dict[str, Any] = {}
    if recipe.weight_decay:
        falling["optimizer.weight_decay"] = FlatCosine(recipe.weight_decay, recipe.epochs)
    if recipe.dropout and recipe.hidden_layer_sizes:
        falling["Dropout.rate"] = FlatCosine(recipe.dropout, recipe.epochs)
    return [HyperparameterScheduler(falling)] if falling else []
