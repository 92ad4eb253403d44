"""The optimizer on the tape: sum up, clip, decay, update, project, average, as `Optimizer.step` does.

The formula of a rule stands in its class: `scalar_update` of one parameter, or what `scalar_form`
chooses by the rule's settings; those of rules that look at a whole parameter stand in
`mlp.engines.kernels.matrix_updates`. The numbers of a rule, such as η or Adam's α, are laid out for
many steps at a time in tables, of which an instruction takes the row of the step.
"""

import inspect
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from mlp.adjusting import adjustable
from mlp.arrays import Array
from mlp.engines.kernels import clipping, matrix_updates, projections
from mlp.engines.kernels.pointers import (
    Anchor,
    Record,
    doubles,
    integers,
    narrow,
    number,
    numbers,
    pointer,
    shift,
)
from mlp.engines.kernels.tape import Slot, Tape, Uncompilable
from mlp.engines.kernels.walk import OPERANDS, SKIP, START, STEP, STOP
from mlp.layers import stack
from mlp.layers.base import Layer
from mlp.naming import constructor_arguments
from mlp.optimizers import Optimizer
from mlp.optimizers.blocks import Decay, merge

# A class of the user's that has a method of the first kind needs one of the second kind beside it.
PAIRS = {"prepare": "numbers_of_steps", "constants": "scalars"}
FIXED = ("step", "clip", "current_rate", "_accumulate", "_take_average")
AT_BUILD = {"learning_rate", "weight_decay", "rate_factors", "decay_factors", "exclude_layers", "name"}


def formula(*values: Any) -> Any:
    """What the tape puts here: the `scalar_update` of a rule."""
    raise NotImplementedError


class Updates:
    """What a tape does with the gradients.

    Parameters
    ----------
    optimizer : Optimizer
        Built.
    keeps_gradients : bool, default False
        Whether they must be there to be looked at after a step.

    Attributes
    ----------
    tables : dict
        By the name of its slot what a table is made of: factor of η, decay, names of numbers.

    Raises
    ------
    Uncompilable
        If the rule has no compiled form.
    """

    def __init__(self, optimizer: Optimizer, keeps_gradients: bool = False) -> None:
        self.optimizer, self.plan, self.keeps_gradients = optimizer, optimizer._plan, keeps_gradients
        self.rule = None if optimizer.by_parameter else form_of(optimizer)
        self.tables: dict[str, tuple[float, Decay | None, Sequence[str]]] = {}
        self.batches, self.summed = optimizer.gradient_accumulation_steps or 1, 0
        self.bound: tuple[Any, dict[str, Array]] = None, {}  # the last numbers, and what they were for

    def follow_at_once(self, tape: Tape, layer: Layer) -> bool:
        """Whether a layer's own instruction moves its parameters: plain SGD from one row."""
        rule = self.optimizer
        plain = type(rule).__name__ == "SGD" and self.rule is getattr(type(rule), "scalar_update", None)
        plain = plain and not rule.clips and not rule.use_ema and not rule.gradient_accumulation_steps
        plain = plain and tape.rows == 1 and not self.plan.shrinks and len(self.plan.groups) == 1
        plain = plain and layer.learns and layer.parameters.keys() <= {"W", "b"}
        plain = plain and not self.keeps_gradients
        return bool(plain and not layer.regularizers and not layer.constraints)

    def rates(self, tape: Tape, layer: Layer) -> Slot:
        """The table of η, for a layer that moves at once."""
        tape.moved.add(layer)
        return Slot("rates")

    # writing the tape

    def emit(self, tape: Tape) -> None:
        """Add the step."""
        rule = self.optimizer
        skip = np.zeros(1, np.int64)
        counting = self._emit_sum(tape, skip) if self.batches > 1 else 0
        clipping.emit(tape, rule)
        if rule.by_parameter:
            matrix_updates.emit(tape, self)
        else:
            self._emit_ranges(tape)
        parameters = rule.parameters
        for place, shape, constraint in parameters.constraints:
            projections.emit(tape, constraint, parameters.values[place].reshape(shape))
        skip[0] = tape.length - counting - 1
        for place in self.plan.ranges if rule.use_ema and self.plan.averages else ():
            tape.add(
                take_average, parameters.values[place], rule.state["average"][place], Slot("average"),
                tape.clock, work=place.stop - place.start, shared=1,
            )  # fmt: skip

    def _emit_sum(self, tape: Tape, skip: Array) -> int:
        """Add the sum of the gradients of several batches; the instruction that may leave others out."""
        rule = self.optimizer
        gradients, total = rule.parameters.gradients, rule.state["gradient_sum"]
        tape.add(add_gradients, gradients, total, work=total.size, shared=1)
        summed = rule.state["gradients_summed"]
        place = tape.add(count_batch, summed, float(self.batches), skip, tape.clock)
        tape.add(take_mean, gradients, total, float(self.batches), work=total.size, shared=1)
        return place

    def _emit_ranges(self, tape: Tape) -> None:
        """Add the update of ranges of the flat vector that have one η and one λ."""
        rule, plan = self.optimizer, self.plan
        parameters = rule.parameters
        values, gradients = parameters.values, parameters.gradients
        layers = parameters.layers
        kinds = {
            k: (factor, plan.decays[k]) for k, factor in plan.rates.items() if layers[k] not in tape.moved
        }
        assert self.rule is not None
        for place, k in merge(parameters.slices, kinds):
            slots = [rule.state[name][place] for name in rule.slots]
            arrays = values[place], gradients[place], *slots
            self.emit_scalar(tape, self.rule, arrays, *kinds[k])

    def emit_scalar(
        self,
        tape: Tape,
        rule: Callable[..., Any],
        arrays: Sequence[Array],
        factor: float,
        decay: Decay | None,
    ) -> None:
        """Add the update of W from dW and state vectors, number by number."""
        slots = arrays[2:]
        if len(slots) > 3:
            raise Uncompilable(f"optimizer {type(self.optimizer).__name__} with {len(slots)} state vectors")
        kernel = (update_0, update_1, update_2, update_3)[len(slots)]
        names = list(inspect.signature(rule).parameters)[len(arrays) :]
        tape.add(
            kernel, *arrays[:2], *self.table(tape, factor, decay, names), *slots,
            work=arrays[0].size, formula=rule, count=1 + len(names), shared=1,
        )  # fmt: skip

    def table(self, tape: Tape, factor: float, decay: Decay | None, names: Sequence[str]) -> tuple[Any, ...]:
        """The operands that `row_of` reads: 1 − η λ and these numbers, for each step."""
        which = None if decay is None else self.plan.shrinks.index(decay)
        name = f"numbers {factor} {which} {' '.join(names)}"
        self.tables[name] = factor, decay, names
        return Slot(name), tape.clock, 1 + len(names)

    # running it

    def bind(self, tape: Tape, count: int) -> None:
        """Give the tape the numbers of its next steps.

        Raises
        ------
        ArgumentError
            If a schedule gives what is no learning rate.
        """
        same = self._same(count)
        if same is None or same != self.bound[0]:
            self.bound = same, self._numbers(tape, count)
        for name, table in self.bound[1].items():
            tape.bind(name, table)

    def _same(self, count: int) -> Any:
        """What the numbers of so many steps depend on; None if they are others from step to step."""
        rule = self.optimizer
        if callable(rule.learning_rate) or rule.use_ema or self.batches > 1:
            return None
        if type(rule).numbers_of_steps is not Optimizer.numbers_of_steps:
            return None
        decays = [decay.number for decay in self.plan.shrinks]
        return count, rule.current_rate(), decays, tuple(rule.scalars().items())

    def _numbers(self, tape: Tape, count: int) -> dict[str, Array]:
        """The numbers of the next steps, by the names of their slots."""
        rule, made = self.optimizer, dict[str, Array]()
        if self.batches > 1:
            self.summed = int(rule.state["gradients_summed"][0])
        done = (self.summed + np.arange(count)) // self.batches  # steps before each of these
        rates, steps = self.rates_of(count), rule.iterations + 1 + done
        if tape.moved:
            made["rates"] = (rates * self.plan.groups[0][0]).astype(tape.dtype)
        known = rule.scalars()
        for name, (factor, decay, names) in self.tables.items():
            # arrays for one step too: Python's powers differ from NumPy's in the last bit, and how many
            # steps come at a time must not be seen in the results
            found = known | rule.numbers_of_steps(rates * factor, steps)
            table = np.empty((count, 1 + len(names)))
            table[:, 0] = 1 - rates * decay.number if decay is not None else 1
            for k, own_name in enumerate(names, start=1):
                table[:, k] = found[own_name]
            made[name] = table
        if rule.use_ema:
            frequency = rule.ema_overwrite_frequency
            average = np.zeros((count, 3))
            average[:, 0] = 1 - rule.ema_momentum
            average[:, 1] = steps == 1
            average[:, 2] = steps % frequency == 0 if frequency else 0
            made["average"] = average
        return made

    def rates_of(self, count: int) -> Array:
        """η of the next so many batches; 0 for those that are only summed up."""
        rule, last = self.optimizer, self.batches - 1 - self.summed
        if not callable(rule.learning_rate):
            return np.full(count, rule.current_rate())
        rates = np.zeros(count)
        places = range(last, count, self.batches)
        rates[last :: self.batches] = [rule.rate_after(rule.iterations + k) for k in range(len(places))]
        return rates

    def count(self, batches: int) -> None:
        """Count the steps that were made with so many batches."""
        self.optimizer.iterations += (self.summed + batches) // self.batches


def form_of(rule: Optimizer) -> Callable[..., Any]:
    """The function of one parameter by which a rule updates.

    Raises
    ------
    Uncompilable
        If a class has another `update`, or other numbers for it, and no compiled form of its own.
    """
    require_own_numbers(rule)
    found: Callable[..., Any] | None = None
    for cls in type(rule).__mro__:
        members = vars(cls)
        if "scalar_form" in members:
            found = members["scalar_form"](rule)
        elif "scalar_update" in members:
            found = getattr(cls, "scalar_update")  # noqa: B009 - of no class that is known here
        if found is not None or "update" in members:
            break
    if found is None:
        raise Uncompilable(f"optimizer {type(rule).__name__} has no compiled form")
    return found


def require_own_numbers(rule: Optimizer) -> None:
    """Raise `Uncompilable` if a class of the user's changes a step where the tape does not see it."""
    cls = type(rule)
    for name in FIXED:
        if getattr(cls, name) is not getattr(Optimizer, name):
            raise Uncompilable(
                f"optimizer {cls.__name__} has a {name} of its own, which has no compiled form"
            )
    for method, compiled in PAIRS.items():
        owner = next(c for c in cls.__mro__ if method in vars(c) or compiled in vars(c))
        if compiled not in vars(owner):
            raise Uncompilable(f"optimizer {cls.__name__} has a {method} without {compiled}")


def settings_of(part: Any) -> tuple[Any, ...]:
    """What the user may change of a rule, a penalty, a constraint or a layer that draws numbers."""
    kind = type(part)
    if kind not in _READERS:
        names = [name for name in constructor_arguments(kind) if name not in AT_BUILD]
        names = [name for name in names if hasattr(part, name) and name not in adjustable(kind)]
        _READERS[kind] = attrgetter(*names, "__class__", "__class__")
    found = _READERS[kind](part)
    if isinstance(part, Layer):  # one that silences nothing draws no numbers
        found = *found, *(bool(getattr(part, name)) for name in adjustable(kind))
    try:
        hash(found)
    except TypeError:  # a list of a class of the user's
        return (repr(found),)
    return tuple(found)


def settled_parts(layers: Sequence[Layer], optimizer: Optimizer) -> list[Any]:
    """The parts that may change so."""
    leaves = [leaf for _, leaf in stack.leaves(layers)]
    own_parts = [
        part for leaf in leaves for part in (*leaf.regularizers.values(), *leaf.constraints.values())
    ]
    own_parts += [leaf.activity_regularizer for leaf in leaves if leaf.activity_regularizer is not None]
    own_parts += [leaf for leaf in leaves if hasattr(leaf, "rate") or hasattr(leaf, "stddev")]
    return [optimizer, *own_parts]


_READERS: dict[type, Callable[[Any], Any]] = {}


# kernels


def add_gradients(record: Record, anchor: Anchor) -> None:
    """Sum += dW."""
    dW, total = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    for k in range(record[START], record[STOP]):
        total[k] += dW[k]


def count_batch(record: Record, anchor: Anchor) -> None:
    """Count a batch; unless they are enough, leave out the step."""
    summed, clock = pointer(record[OPERANDS], anchor), integers(record[OPERANDS + 3])
    summed[0] += anchor[1]
    if summed[0] < number(record[OPERANDS + 1], anchor):
        clock[SKIP] = integers(record[OPERANDS + 2])[0]
    else:
        summed[0] = anchor[0]


def take_mean(record: Record, anchor: Anchor) -> None:
    """DW = sum / batches, and the sum is 0 again."""
    dW, total = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    batches = number(record[OPERANDS + 2], anchor)
    for k in range(record[START], record[STOP]):
        dW[k] = total[k] / batches
        total[k] = anchor[0]


def take_average(record: Record, anchor: Anchor) -> None:
    """Average += (1 − μ) (W − average); in the first step it is W. On request W = average."""
    W, average = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    row = shift(doubles(record[OPERANDS + 2]), 3 * integers(record[OPERANDS + 3])[STEP])
    share = narrow(row[0], anchor)
    if row[1] != 0:
        for k in range(record[START], record[STOP]):
            average[k] = W[k]
    else:
        for k in range(record[START], record[STOP]):
            average[k] += share * (W[k] - average[k])
    if row[2] != 0:
        for k in range(record[START], record[STOP]):
            W[k] = average[k]


def row_of(record: Record) -> Any:
    """The numbers of this step."""
    step = integers(record[OPERANDS + 3])[STEP]
    return shift(integers(record[OPERANDS + 2]), step * record[OPERANDS + 4])


def update_0(record: Record, anchor: Anchor) -> None:
    """W by a rule without state."""
    W, dW = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    settings = numbers(row_of(record), 0, anchor)
    shrink, rest = settings[0], settings[1:]
    for k in range(record[START], record[STOP]):
        W[k] = formula(W[k] * shrink, dW[k], *rest)


def update_1(record: Record, anchor: Anchor) -> None:
    """W by a rule with one state vector."""
    W, dW = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    settings = numbers(row_of(record), 0, anchor)
    shrink, rest = settings[0], settings[1:]
    first = pointer(record[OPERANDS + 5], anchor)
    for k in range(record[START], record[STOP]):
        W[k], first[k] = formula(W[k] * shrink, dW[k], first[k], *rest)


def update_2(record: Record, anchor: Anchor) -> None:
    """W by a rule with two state vectors."""
    W, dW = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    settings = numbers(row_of(record), 0, anchor)
    shrink, rest = settings[0], settings[1:]
    first, second = pointer(record[OPERANDS + 5], anchor), pointer(record[OPERANDS + 6], anchor)
    for k in range(record[START], record[STOP]):
        W[k], first[k], second[k] = formula(W[k] * shrink, dW[k], first[k], second[k], *rest)


def update_3(record: Record, anchor: Anchor) -> None:
    """W by a rule with three state vectors."""
    W, dW = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    settings = numbers(row_of(record), 0, anchor)
    shrink, rest = settings[0], settings[1:]
    first, second = pointer(record[OPERANDS + 5], anchor), pointer(record[OPERANDS + 6], anchor)
    third = pointer(record[OPERANDS + 7], anchor)
    for k in range(record[START], record[STOP]):
        W[k], first[k], second[k], third[k] = formula(
            W[k] * shrink, dW[k], first[k], second[k], third[k], *rest
        )
