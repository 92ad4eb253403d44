"""Optimizers: a step for a matrix of the size and a vector of its columns, with gradients that stay the same.

PyTorch's is its default or, where there is one, its fused form, whichever is faster. The
solvers for full batches are measured by `benchmarks.solvers`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.cells import Array
from benchmarks.parts import entries, rounds
from benchmarks.parts.entries import DTYPE, Action, Entry, Size, generator, normal
from mlp import layers, optimizers
from mlp.parameters import Parameters

ROWS: list[tuple[optimizers.Optimizer, Callable[[Any], Any] | None, Callable[[Any], Any] | None]] = [
    (optimizers.SGD(), lambda T: T.SGD, lambda K: K.SGD()),
    (optimizers.SGD(momentum=0.9), lambda T: partial(T.SGD, momentum=0.9), lambda K: K.SGD(momentum=0.9)),
    (optimizers.Lion(), None, lambda K: K.Lion()),
    (optimizers.Rprop(), lambda T: T.Rprop, None),
    (optimizers.RMSprop(), lambda T: T.RMSprop, lambda K: K.RMSprop()),
    (
        optimizers.RMSprop(centered=True),
        lambda T: partial(T.RMSprop, centered=True),
        lambda K: K.RMSprop(centered=True),
    ),
    (optimizers.Adagrad(), lambda T: T.Adagrad, lambda K: K.Adagrad()),
    (optimizers.Adadelta(), lambda T: T.Adadelta, lambda K: K.Adadelta()),
    (optimizers.Ftrl(), None, lambda K: K.Ftrl()),
    (optimizers.Adam(), lambda T: T.Adam, lambda K: K.Adam()),
    (optimizers.Adam(amsgrad=True), lambda T: partial(T.Adam, amsgrad=True), lambda K: K.Adam(amsgrad=True)),
    (optimizers.AdamW(), lambda T: T.AdamW, lambda K: K.AdamW()),
    (optimizers.Adamax(), lambda T: T.Adamax, lambda K: K.Adamax()),
    (optimizers.Nadam(), lambda T: T.NAdam, lambda K: K.Nadam()),
    (optimizers.RAdam(), lambda T: T.RAdam, None),
    (optimizers.ScheduleFreeAdamW(), None, lambda K: K.ScheduleFreeAdamW()),
    (optimizers.Lamb(), None, lambda K: K.Lamb()),
    (optimizers.Adafactor(), lambda T: T.Adafactor, lambda K: K.Adafactor()),
    (optimizers.Muon(), lambda T: T.Muon, lambda K: K.Muon()),
]
FUSED = ("SGD", "Adagrad", "Adam", "AdamW")  # of PyTorch's


def numbers(size: Size) -> tuple[list[Array], list[Array]]:
    """A matrix and a vector, and their gradients."""
    weights = [0.1 * normal(0, *size), 0.1 * normal(1, size.columns)]
    return weights, [0.01 * normal(2, *size), 0.01 * normal(3, size.columns)]


def prepare(optimizer: optimizers.Optimizer, size: Size) -> Action:
    """`step` on the flat vector of a `Dense` layer."""
    layer, (weights, gradients) = layers.Dense(size.columns, name="dense"), numbers(size)
    layer.build((size.rows,), generator(), DTYPE)
    parameters, rule = Parameters([layer], DTYPE), type(optimizer).from_config(optimizer.get_config())
    layer.W, layer.b, layer.dW[...], layer.db[...] = *weights, *gradients
    rule.build(parameters)
    return rule.step


def prepare_torch(make: Callable[[Any], Any], size: Size) -> Action:
    """`step`; of Muon, which takes matrices only, beside an AdamW for the vector."""
    torch = entries.load_torch()

    def steps(**options: Any) -> Action:
        tensors, rule = torch_weights(size), make(torch.optim)
        if rule is torch.optim.Muon:
            return both(rule(tensors[:1]).step, torch.optim.AdamW(tensors[1:]).step)
        return rule(tensors, **options).step  # type: ignore[no-any-return]

    name = getattr(make(torch.optim), "func", make(torch.optim)).__name__
    return rounds.faster(steps(), steps(fused=True)) if name in FUSED else steps()


def both(first: Action, second: Action) -> Action:
    """One after the other."""

    def action() -> None:
        first()
        second()

    return action


def torch_weights(size: Size) -> list[Any]:
    """Parameters that have gradients."""
    weights, gradients = numbers(size)
    tensors = [entries.torch_tensor(weight, learned=True) for weight in weights]
    for tensor, gradient in zip(tensors, gradients, strict=True):
        tensor.grad = entries.torch_tensor(gradient)
    return tensors


def prepare_keras(make: Callable[[Any], Any], size: Size) -> Action:
    """`stateless_apply`, compiled, with the memory of the old weights and state given back."""
    _, keras = entries.load_keras()
    weights, gradients = numbers(size)
    rule, variables = make(keras.optimizers), [keras.Variable(weight) for weight in weights]
    rule.build(variables)

    def step(state: Any, gradients: Any) -> Any:
        return rule.stateless_apply(state[1], gradients, state[0])

    state = [variable.value for variable in variables], [variable.value for variable in rule.variables]
    return entries.handed_on(step, state, gradients)


ENTRIES = [
    Entry(
        type(part),
        entries.label(part),
        partial(prepare, part),
        torch and partial(prepare_torch, torch),
        keras and partial(prepare_keras, keras),
    )
    for part, torch, keras in ROWS
]
ELSEWHERE: set[type] = {optimizers.LBFGS, optimizers.LevenbergMarquardt, optimizers.ScaledConjugateGradient}
