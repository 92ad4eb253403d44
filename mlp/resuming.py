"""Where a training run stands, as plain data and arrays, and going on from there to the same bits.

What is kept: weights, the optimizer's state, steps and learning rate, all generators, epoch and
batch, the pass over the data (the generator as it was when its order was drawn, and the
batches taken), the means of the epoch in hand, the weights that a divergence would go back to,
and the state of every callback, the history among them.
"""

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.errors import ArgumentError
from mlp.layers import stack
from mlp.metrics import Metric
from mlp.metrics.moments import Moments
from mlp.naming import Part, describe, is_integer, plain_attributes, revive
from mlp.optimizers.settings import is_rate

if TYPE_CHECKING:
    from mlp.model import Model
    from mlp.training import Training


def state_of(run: "Training") -> dict[str, Any]:
    """The state of a run, between two batches or at the end of an epoch."""
    model, optimizer, passing = run.model, run.model.optimizer, run.passing
    rate = optimizer.learning_rate
    return {
        "what": _what(run),
        "epoch": run.epoch,
        "batch": run.batch,
        "stopped": model.stop_training,
        "logs": dict(run.logs),
        "pass": None if passing is None else [run.pass_began, passing.taken, run.size],
        "generators": [generator.bit_generator.state for generator in generators(run.model)],
        "values": model.parameters.values,
        "optimizer": dict(optimizer.state),
        "iterations": optimizer.iterations,
        "epochs_trained": model.epochs_trained,
        # a plain function is the program's own; what a callback may have set is data
        "learning_rate": describe(rate) if isinstance(rate, Part) else None if callable(rate) else rate,
        "snapshots": run.snapshots.get_state(),
        "means": [run.means.total, run.means.count, [_state_of(metric) for metric in _metrics(run)]],
        "callbacks": [[type(callback).__name__, callback.get_state()] for callback in run.given],
    }


def check(run: "Training", state: dict[str, Any]) -> None:
    """Raise an `ArgumentError` if the state is one of another run, or cannot be one."""
    try:
        kept = dict(state["what"])
        expected = _what(run)
        different = [name for name in expected if kept.get(name) != expected[name]]
        if not different:
            _try(run, state)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise ArgumentError(f"the state of the run that was interrupted is damaged: {error!r}") from error
    if different:
        name = different[0]
        raise ArgumentError(
            f"the run that was interrupted was another one: its {name} was {kept.get(name)!r}, and "
            f"now is {expected[name]!r}. Delete the backup to begin anew, or give each run its own folder."
        )


def _try(run: "Training", state: dict[str, Any]) -> None:
    """Do with copies what `restore` will do, so that an error comes before anything has changed."""
    optimizer, vectors = run.model.optimizer, run.snapshots.vectors
    for snapshot in (
        ([state["values"], *(state["optimizer"][name] for name in optimizer.state)], state["iterations"]),
        *state["snapshots"].values(),
    ):
        for vector, kept in zip(vectors, snapshot[0], strict=True):
            if kept.shape != vector.shape or kept.dtype != vector.dtype:
                raise ValueError(f"a vector is {kept.dtype} of shape {kept.shape}")
        _require_counts(snapshot[1])
    _require_counts(state["epoch"], state["batch"], state["epochs_trained"], state["means"][1])
    rate = state["learning_rate"]
    if isinstance(rate, dict):
        revive(rate)
    elif not (rate is None or is_rate(rate)):
        raise ValueError(f"the learning rate is {rate!r}")
    if not isinstance(state["stopped"], bool):
        raise ValueError(f"stopped is {state['stopped']!r}")
    for generator, kept in zip(generators(run.model), state["generators"], strict=True):
        type(generator.bit_generator)().state = kept
    if state["pass"]:
        began, *counts = state["pass"]
        type(run.model.rng.bit_generator)().state = began
        _require_counts(*counts)
        if len(counts) != 2:
            raise ValueError(f"the pass has {len(counts)} counts")
    for metric, kept in zip(_metrics(run), state["means"][2], strict=True):
        _restore(copy.deepcopy(metric), kept)
    for kept in (state["logs"], *(one for _, one in state["callbacks"])):
        dict(kept)
    float(state["means"][0])


def _require_counts(*counts: Any) -> None:
    for count in counts:
        if not is_integer(count) or count < 0:
            raise ValueError(f"a count is {count!r}")


def restore(run: "Training", state: dict[str, Any]) -> None:
    """Put a run where `state_of` found it."""
    model, optimizer, rate = run.model, run.model.optimizer, state["learning_rate"]
    np.copyto(model.parameters.values, state["values"])
    for name, vector in optimizer.state.items():
        np.copyto(vector, state["optimizer"][name])
    optimizer.iterations, model.epochs_trained = state["iterations"], state["epochs_trained"]
    if rate is not None:
        optimizer.learning_rate = revive(rate) if isinstance(rate, dict) else rate
    for generator, kept in zip(generators(run.model), state["generators"], strict=True):
        generator.bit_generator.state = kept
    run.snapshots.set_state(state["snapshots"])
    run.means.total, run.means.count, metrics = state["means"]
    for metric, kept in zip(_metrics(run), metrics, strict=True):
        _restore(metric, kept)
    waiting = list(state["callbacks"])
    for callback in run.given:  # one that is new begins anew
        place = next((k for k, (name, _) in enumerate(waiting) if name == type(callback).__name__), None)
        if place is not None:
            callback.set_state(waiting.pop(place)[1])
    run.epoch, run.batch, run.logs = state["epoch"], state["batch"], state["logs"]
    run.reopening = state["pass"]
    model.stop_training = state["stopped"]


def reopened(kept: list[Any], size: int) -> tuple[Any, int]:
    """The generator's state and the batches taken of a pass that is gone on with in batches of that size."""
    began, taken, before = kept
    if size != before:
        raise ArgumentError(
            f"the run that was interrupted stood in the middle of an epoch with batch_size={before}, and now "
            f"it is {size}. Go on with {before}, or delete the backup to begin anew."
        )
    return began, taken


def _what(run: "Training") -> dict[str, Any]:
    """What must be the same when a run is resumed."""
    model = run.model
    return {
        "weights": [list(shape) for shape in model.parameters.shapes],
        "dtype": model.dtype,
        "optimizer": type(model.optimizer).__name__,
        "optimizer state": {name: vector.size for name, vector in model.optimizer.state.items()},
        "metrics": [type(metric).__name__ for metric in _metrics(run)],
        "number of rows": run.steps(1),
        "steps_per_epoch": run.steps_per_epoch,
        "first epoch": run.first,
    }


def generators(model: "Model") -> list[Any]:
    """The model's generator, and those that layers have of their own."""
    own = [leaf.rng for _, leaf in stack.leaves(model.layers) if leaf.rng is not model.rng]
    return [model.rng, *own]


def _metrics(run: "Training") -> list[Metric]:
    return [*run.means.metrics, *run.means.weighted]


def _state_of(metric: Metric | Moments) -> dict[str, Any]:
    parts = {name: part for name, part in vars(metric).items() if isinstance(part, Metric | Moments)}
    return {
        "own": plain_attributes(metric),
        "inner": {name: _state_of(part) for name, part in parts.items()},
    }


def _restore(metric: Metric | Moments, state: dict[str, Any]) -> None:
    vars(metric).update(state["own"])
    for name, inner in state["inner"].items():
        _restore(getattr(metric, name), inner)
