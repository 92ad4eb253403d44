"""`python -m benchmarks.profile`: where the time of a training step goes, in both engines.

With NumPy, parts of a step are repeated by themselves on the model's own buffers; what a whole step
takes beyond their sum are the calls between them. The compiled engine's tape is taken apart into
its instructions, which are run one by one. The floor is the matrix products alone (`floor.py`).
"""

import argparse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from benchmarks import commands, floor
from benchmarks.cells import CELLS, Cell
from benchmarks.peers import mlp_net
from benchmarks.report import figure, table
from benchmarks.timing import calibrate, clock

NAMES = ("2-20-2/1", "2-20-2/10", "64-64-10/32", "784-256-128-10/128", "784-1024-1024-10/512")
FEWEST, STEPS = 10, 100_000  # how often an instruction is repeated in one go
Parts = dict[str, float]  # microseconds of a step by what they are spent on


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("--cells", type=commands.words, default=NAMES, help="cells of the speed benchmark")
    parser.add_argument("--quick", action="store_true", help="a look: shorter visits")
    options = parser.parse_args(arguments)
    seconds = 0.02 if options.quick else 0.1
    for cell in commands.chosen(options.cells, {cell.name: cell for cell in CELLS}).values():
        least = per_call(partial(floor.train(cell), 1), seconds) / cell.steps
        for engine, profile in (("numpy", numpy_profile), ("numba", compiled_profile)):
            try:
                parts = profile(cell, seconds)
            except ImportError as reason:
                print(f"{cell.title}, engine {engine!r}: skipped, {reason}\n")
                continue
            print(f"{cell.title}, engine {engine!r}; the floor is {figure(least)} µs\n\n{text(parts)}\n")


def text(parts: Parts) -> str:
    """A table: microseconds and shares of the whole."""
    whole = sum(parts.values())
    rows = [[name, figure(took), f"{took / whole:.0%}"] for name, took in parts.items()]
    return table(["part of a step", "µs", "share"], [*rows, ["all", figure(whole), "100%"]])


def per_call(action: Callable[[], object], seconds: float) -> float:
    """Microseconds of a call: the median of five visits."""

    def run(times: int) -> None:
        for _ in range(times):
            action()

    times = calibrate(run, seconds)
    return median(clock(run, times) / times for _ in range(5)) * 1e6


def fitted(cell: Cell, engine: str, seconds: float) -> tuple[Any, Any, Any, float]:
    """A model that has made an epoch, its data, and the microseconds of a step of `fit`."""
    X, y = cell.data()
    model, batch = mlp_net(cell, engine), "full" if cell.full else cell.batch

    def run(epochs: int) -> None:
        model.fit(X, y, batch_size=batch, epochs=epochs, verbose=0)

    run(1)
    epochs = calibrate(run, seconds)
    step = median(clock(run, epochs) / (epochs * cell.steps) for _ in range(5)) * 1e6
    return model, X, y, step


def numpy_profile(cell: Cell, seconds: float) -> Parts:
    """The parts of a step with NumPy."""
    model, X, y, whole = fitted(cell, "numpy", seconds)
    engine, first = model.engine, model.get_weights()
    with model.training(X, y, epochs=1) as run:
        batches = (lambda: [run.data.all()]) if cell.full else (lambda: list(run.batches(cell.batch)))
        rows, _, target, weight = run.data.between(0, cell.batch)
        parts = {"shuffling, gathering": per_call(batches, seconds) / cell.steps}
        step = per_call(lambda: engine.step(rows, target, weight), seconds)
        model.set_weights(first)
        engine.step(rows, target, weight)
        for name, actions in of_layers(engine, target, weight).items():
            parts[name] = sum(per_call(action, seconds / len(actions)) for action in actions)
    inside = sum(parts.values()) - parts["shuffling, gathering"]
    parts["calls between, in the engine"] = max(step - inside, 0.0)
    parts["epochs, history, checks"] = max(whole - step - parts["shuffling, gathering"], 0.0)
    return parts


def of_layers(engine: Any, T: Any, weight: Any) -> Mapping[str, list[Callable[[], object]]]:
    """What the layers, the loss and the optimizer do in a step, on their buffers as the step left them."""
    products, biases, activations = [], [], []
    *_, last = engine.layers
    for layer in (layer for layer in engine.layers if hasattr(layer, "W")):
        net, out, delta = layer.net, layer.out, engine.delta if layer is last else layer.deltas
        products += [partial(layer.X.dot, layer.W, net), partial(layer.X.T.dot, delta, layer.dW)]
        if layer.passes_grad:
            products.append(partial(delta.dot, layer.W.T, layer.grad))
        biases += [partial(np.add, net, layer.b, net), partial(layer.ones.dot, delta, layer.db)]
        activations.append(partial(layer.applied.f, net, out))
        if layer is not last:
            activations.append(partial(layer.applied.delta, np.ones_like(out), net, out, layer.deltas))
    loss, known = engine.loss, (last.activation, last.net, last.out, T, weight)
    return {
        "matrix products": products,
        "biases": biases,
        "activations": activations,
        "loss and output delta": [partial(loss.total, *known), partial(loss.delta, *known, engine.delta)],
        "optimizer": [engine.optimizer.step],
    }


def compiled_profile(cell: Cell, seconds: float) -> Parts:
    """The instructions of a step's tape, by the names of their functions, each run by itself.

    Its data are in the cache then, which in a step of a large net they are not; that is in "the rest".
    """
    model, _, _, whole = fitted(cell, "numba", seconds)
    model.engine.release = lambda: None  # so that the data of the fit below stay on the tape
    model.fit(*cell.data(), batch_size="full" if cell.full else cell.batch, verbose=0)
    parts: Counter[str] = Counter()
    for name, took in instructions(training_tape(model.engine), seconds):
        parts[name] += took
    found = dict(parts.most_common())
    return found | {"the rest: shuffling, history, checks, cache": max(whole - sum(found.values()), 0.0)}


def training_tape(engine: Any) -> Any:
    """The tape that the last `fit` ran."""
    return [tape for tape in engine.programs.known.values() if tape.updates and tape._bound][-1]


def instructions(tape: Any, seconds: float) -> list[tuple[str, float]]:
    """The name and the microseconds of each instruction of a tape, by walks over it alone.

    The walk is the engine's own, over a tape of one record, as many times as fill a visit.
    """
    from mlp.engines.kernels.walk import COUNT, SIZE, TAPE

    found, before = [], tape.clock.copy()
    for k, (function, *_) in enumerate(tape._instructions):
        tape.clock[TAPE] = tape.address(tape.records[k : k + 1])
        tape.clock[COUNT], tape.clock[SIZE] = 1, 0
        steps = int(np.clip(seconds / walk(tape, FEWEST), FEWEST, STEPS))
        took = median(walk(tape, steps) for _ in range(5))
        found.append((function.__name__.replace("_", " "), took * 1e6))
    tape.clock[:] = before
    return found


def walk(tape: Any, steps: int) -> float:
    """Seconds of a step, of so many."""
    tape.updates.bind(tape, steps)
    return clock(tape.run, steps) / steps


if __name__ == "__main__":
    main()
