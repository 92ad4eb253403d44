"""What an optimizer remembers: our few long vectors, and Keras's list of variables, one for a parameter.

Keras's list begins with the number of batches and, if it is a number, the learning rate. The moving
averages of `use_ema` follow, the sums of `gradient_accumulation_steps`, and then what the rule has, in
groups: of each group the variables of the first parameter, of the second … Only parameters that
training moves have any.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.layers import stack
from mlp.naming import require

if TYPE_CHECKING:
    from mlp.model import Model


class Variable(NamedTuple):
    """A variable of Keras's: factor · ours + shift, and perhaps the square of another of ours.

    Without a slot it is zeros; with an axis it lacks that axis of the parameter.
    """

    slot: str = ""
    factor: float = 1.0
    shift: float = 0.0
    square: str = ""
    axis: int | None = None
    is_scalar: bool = False


Groups = list[list[Variable]]


def _adam(rule: Any, shape: tuple[int, ...]) -> Groups:
    m, v = Variable("m", 1 - rule.beta_1), Variable("v", 1 - rule.beta_2)
    largest = [Variable("v_max", 1 - rule.beta_2)]
    return [[m, v], largest] if getattr(rule, "amsgrad", False) else [[m, v]]


def _rmsprop(rule: Any, shape: tuple[int, ...]) -> Groups:
    groups = [[Variable("v", 1 - rule.rho)]]
    if rule.centered:  # the variance here, the mean square there
        groups = [[Variable("v", rule.rho / (1 - rule.rho), square="mean")]]
    if rule.momentum:
        groups.append([Variable("velocity")])
    return [*groups, [Variable("mean")]] if rule.centered else groups


def _adafactor(rule: Any, shape: tuple[int, ...]) -> Groups:
    if len(shape) < 2:
        return [[Variable(is_scalar=True), Variable(is_scalar=True), Variable("v")]]
    rows, columns = Variable("r", 1 / shape[-1], axis=-1), Variable("c", 1 / shape[-2], axis=-2)
    return [[rows, columns, Variable()]]


def _muon(rule: Any, shape: tuple[int, ...]) -> Groups:
    return [[Variable("m")]]


def _muon_by_adam(rule: Any) -> Groups:
    return [[Variable("m", 1 - rule.adam_beta_1), Variable("v", 1 - rule.adam_beta_2)]]


RULES: dict[str, Callable[[Any, tuple[int, ...]], Groups]] = {
    "SGD": lambda rule, shape: [[Variable("velocity")]] if rule.momentum else [],
    "Adam": _adam,
    "AdamW": _adam,
    "Adamax": lambda rule, shape: [[Variable("m", 1 - rule.beta_1), Variable("u")]],
    "Nadam": _adam,
    "RMSprop": _rmsprop,
    "Adagrad": lambda rule, shape: [[Variable("v", shift=-rule.epsilon)]],
    "Adadelta": lambda rule, shape: [[Variable("v", 1 - rule.rho), Variable("u", 1 - rule.rho)]],
    "Ftrl": lambda rule, shape: [[Variable("n"), Variable("z")]],
    "Lion": lambda rule, shape: [[Variable("m", 1 - rule.beta_2)]],
    "Lamb": _adam,
    "Adafactor": _adafactor,
    "Muon": _muon,
    "ScheduleFreeAdamW": lambda rule, shape: [[Variable("z"), Variable("v", 1 - rule.beta_2)]],
}


class Part(NamedTuple):
    """One of Keras's variables and the parts of our vectors that it is made of."""

    variable: Variable
    shape: tuple[int, ...]
    place: slice
    name: str


def parts(model: Model, rule: Any) -> list[Part]:
    """Keras's variables of the rule for the model's parameters, in Keras's order, without the first ones."""
    parameters = model.parameters
    ends = dict.fromkeys(rule.sizes(parameters), 0)
    columns: dict[int, list[Part]] = {}
    for name, shape, moves in zip(parameters.names, parameters.shapes, parameters.trainable, strict=True):
        sizes = {slot: math.prod(part) for slot, part in rule.slot_shapes(name, shape).items()}
        sizes |= dict.fromkeys(({"average", "gradient_sum"} & ends.keys()), math.prod(shape))
        places = {slot: slice(ends[slot], ends[slot] + size) for slot, size in sizes.items()}
        ends |= {slot: place.stop for slot, place in places.items()}
        for k, group in enumerate(_groups(rule, name, shape) if moves else ()):
            columns.setdefault(k, []).extend(
                Part(one, _shape(one, shape), places.get(one.slot, slice(0, 0)), name) for one in group
            )
    return [part for k in sorted(columns) for part in columns[k]]


def _groups(rule: Any, name: str, shape: tuple[int, ...]) -> Groups:
    groups = [[Variable("average")]] if rule.use_ema else []
    if rule.gradient_accumulation_steps:
        groups.append([Variable("gradient_sum")])
    kind = type(rule).__name__
    if kind == "Muon" and rule.is_for_adam(name, shape):
        return groups + _muon_by_adam(rule)
    return groups + RULES[kind](rule, shape)


def _shape(variable: Variable, shape: tuple[int, ...]) -> tuple[int, ...]:
    if variable.is_scalar or variable.axis is None:
        return () if variable.is_scalar else shape
    return tuple(np.delete(shape, variable.axis).tolist())


def has_counterpart(rule: Any) -> bool:
    """Whether Keras has the rule with all that it remembers."""
    return type(rule).__name__ in RULES and type(rule).__module__.startswith("mlp.")


def variables_of(model: Model) -> list[Array]:
    """Keras's variables of the model's optimizer; of one that has not stepped yet, those to begin with."""
    stack.connect(model.layers, learns=model.trainable)
    rule = model.optimizer
    if not rule.fits(model.parameters):
        rule = rule.fresh()
        rule.build(model.parameters)
    batches, dtype = rule.gradient_accumulation_steps or 1, model.parameters.values.dtype
    done = rule.iterations * batches
    if batches > 1:
        done += int(rule.state["gradients_summed"][0])
    found = [np.array(done, np.int32 if done < 2**31 else np.int64)]
    if not callable(rule.learning_rate):
        found.append(np.array(rule.learning_rate, dtype))
    found += [_to_keras(part, rule.state, dtype) for part in parts(model, rule)]
    if type(rule).__name__ == "Nadam":
        found.append(np.array(rule._product(rule.iterations), dtype))
    return found


def _to_keras(part: Part, state: dict[str, Array], dtype: np.dtype[Any]) -> Array:
    variable = part.variable
    if not variable.slot:
        return np.zeros(part.shape, np.float32 if variable.is_scalar else dtype)
    value: Array = state[variable.slot][part.place] * variable.factor + variable.shift
    if variable.square:
        value += state[variable.square][part.place] ** 2
    return value.reshape(part.shape).astype(dtype)


def restore(model: Model, found: Sequence[Array], source: str) -> None:
    """Give the optimizer of a compiled model what Keras's variables say.

    As in Keras, another number of variables than expected is a warning, and the optimizer begins anew:
    Keras writes few for a model that was compiled and not trained.

    Raises
    ------
    ArgumentError
        If one of them has another shape.
    """
    rule = model.optimizer
    if not has_counterpart(rule):
        return
    stack.connect(model.layers, learns=model.trainable)
    rule.build(model.parameters)
    first = 1 if callable(rule.learning_rate) else 2
    expected, nadam = parts(model, rule), type(rule).__name__ == "Nadam"
    if not found or (expected and len(found) == first):  # of a model that was not trained
        return
    if len(found) != first + len(expected) + nadam:
        warnings.warn(
            f"{source} has {len(found)} variables of the optimizer {type(rule).__name__}, and "
            f"{first + len(expected) + nadam} were expected: it begins anew",
            UserWarning,
            stacklevel=4,
        )
        return
    batches, count = rule.gradient_accumulation_steps or 1, found[0]
    whole = count.shape == () and count.dtype.kind in "iu" and count >= 0
    require(bool(whole), "the number of the optimizer's steps", count, "an integer of at least 0")
    values = {id(part): value for part, value in zip(expected, found[first:], strict=False)}
    for part in expected:
        if values[id(part)].shape != part.shape:
            raise ArgumentError(
                f"what the optimizer remembers of {part.name} should have the shape {part.shape}, "
                f"and has {values[id(part)].shape}"
            )
    # what is squared in another has to be known first
    for part in sorted(expected, key=lambda part: bool(part.variable.square)):
        _from_keras(part, rule.state, values[id(part)])
    rule.iterations = int(count) // batches
    if batches > 1:
        rule.state["gradients_summed"].fill(int(count) % batches)


def _from_keras(part: Part, state: dict[str, Array], value: Array) -> None:
    variable = part.variable
    if variable.slot:
        value = value.reshape(-1).astype(state[variable.slot].dtype)
        if variable.square:
            value = np.maximum(value - state[variable.square][part.place] ** 2, 0)
        state[variable.slot][part.place] = (value - variable.shift) / variable.factor
