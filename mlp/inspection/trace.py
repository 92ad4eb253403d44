"""The trace: one pass forward and back, with all that the delta rule names, layer by layer."""

from __future__ import annotations  # so that np.random is not loaded for a signature

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.activations import Activation
from mlp.arrays import Array
from mlp.engines.choice import REPLACEABLE
from mlp.engines.numpy_engine import NumpyEngine
from mlp.inspection import writing
from mlp.inspection.network import unchanged
from mlp.layers import stack
from mlp.layers.base import Layer
from mlp.naming import is_integer, require, require_bool, require_one_of, snake_case
from mlp.opening import one_batch
from mlp.optimizers import SGD

if TYPE_CHECKING:
    from mlp.sequential import Sequential


OTHER_NAMES = {
    "deltas": "delta", "h": "out", "y": "out", "a": "out", "output": "out", "z": "net", "input": "X",
}  # fmt: skip
SHORT = ("W", "b", "dW", "db")


class LayerTrace:
    """What one layer did in a pass: arrays of its own, that nothing changes later.

    Attributes
    ----------
    name : str
        In a block with that of the block: "residual.dense".
    kind, activation : str
        Class of the layer, and the name of its activation, such as "Dense" and "relu".
    X : Array of shape (n, i)
        What came in.
    net : Array of shape (n, o) or None
        The net activation, X W + b; None for a layer without an activation.
    out : Array of shape (n, o)
        f(net).
    slope : Array of shape (n, o) or None
        f'(net). Of a softmax, whose units depend on each other, the diagonal of the Jacobian.
    grad : Array of shape (n, o) or None
        ∂L/∂out. None if nothing at this layer or below it learns, so that nobody asks.
    delta : Array of shape (n, o) or None
        ∂L/∂net, f'(net) ∘ grad; for a layer without an activation grad itself.
    parameters, gradients, updates : dict of str to Array
        The parameters by name ("W", "b") before the update; ∂L by each ("dW", "db"), penalties
        included and nothing clipped; and how far the optimizer would move each. A frozen layer has no
        gradients, and there are no updates if the loss is not finite or the optimizer is a solver for
        the full batch.
    W, b, dW, db : Array
        Those of them that a `Dense` has, for short; an AttributeError for a layer that has none.
    penalised : set of str
        Those of the parameters, and "out", that have a regularizer.
    learns, is_last, by_row : bool
        Whether the parameters are trained; whether `out` is what the model puts out; whether the units
        of a row depend on each other.
    function : Activation
        The activation itself, with the settings of the pass.
    """

    W: Array
    b: Array
    dW: Array
    db: Array

    def __init__(self, name: str, layer: Layer, is_last: bool) -> None:
        self.name, self.kind, self.is_last = name, type(layer).__name__, is_last
        # as it is now, in a fraction of the time that copy.copy takes
        self.function: Activation = object.__new__(type(layer.activation))
        vars(self.function).update(vars(layer.activation))
        self.activation, self.learns = snake_case(type(layer.activation).__name__), layer.learns
        self.by_row, self.learned = hasattr(self.function, "row_delta"), layer.activation_parameters
        self.X = self.out = np.empty((0, 0))
        self.net: Array | None = None
        self.grad: Array | None = None
        self.delta: Array | None = None
        self.parameters: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        self.updates: dict[str, Array] = {}
        self.penalised = set(layer.regularizers) | ({"out"} if layer.activity_regularizer else set())
        self._slope: Array | None = None

    @property
    def slope(self) -> Array | None:
        """f'(net), computed when it is first asked for."""
        if self._slope is None and self.net is not None:
            function, net = copy.deepcopy(self.function), self.net  # so that no layer's memory is touched
            function.attach(net.shape[-1], net.dtype, len(net))
            vars(function).update({k: v for k, v in self.parameters.items() if k in self.learned})
            out = function.f(net, np.empty_like(self.out))
            self._slope = function.slope(net, out, np.empty_like(net))
        return self._slope

    def __dir__(self) -> list[str]:
        known = self.parameters | self.gradients
        return [*super().__dir__(), *(name for name in SHORT if name in known)]

    def __getattr__(self, name: str) -> Any:
        if name in SHORT:
            arrays = self.gradients if name[0] == "d" else self.parameters
            if name in arrays:
                return arrays[name]
            kind = self.kind + ("" if self.learns else ", frozen")
            known = ", ".join([*self.parameters, *self.gradients]) or "no parameters"
            raise AttributeError(f"layer {self.name!r} ({kind}) has no {name}: it has {known}")
        ours = OTHER_NAMES.get(name)
        hint = (
            f"it is called {ours}" if ours else "it has X, net, out, slope, grad, delta, gradients, updates"
        )
        raise AttributeError(f"a LayerTrace has no {name!r}: {hint}")

    def __repr__(self) -> str:
        return f"<LayerTrace of {self.name!r}: {self.kind}, {self.X.shape} to {self.out.shape}>"


class Trace:
    """One pass forward and back of a model; `Sequential.trace` makes it.

    Printed, it is a table of formulas, with their numbers if the net is small; in a notebook the
    same as HTML. The arrays are copies: they stay as they are when the model trains on.

    Attributes
    ----------
    X : Array of shape (n, ...)
        The inputs.
    T : Array of shape (n, o)
        The targets, as the loss compares them with the outputs: one-hot, if there are classes.
    out : Array of shape (n, o)
        What the model puts out.
    loss : float
        With the penalties, as the gradients have it.
    penalty : float
        What regularizers have added to it.
    optimizer : str
    learning_rate : float
        Of the next step.
    loss_name, canonical : str
        Such as "binary_crossentropy", and if loss and last activation are a canonical pair what the
        output delta comes to, such as "(y − T)/n".
    is_plain_descent : bool
        Whether each update is −η times the gradient and nothing else.
    layers : list of LayerTrace
        From the input to the output; instead of a block the layers in it. ``trace["hidden"]``,
        ``trace["residual.dense"]`` and ``trace[0]`` are those of them, ``len(trace)`` is how many.

    Examples
    --------
    >>> import mlp
    >>> output = mlp.layers.Dense(1, "sigmoid", input_shape=(2,), name="output")
    >>> model = mlp.Sequential([output], dtype="float64")
    >>> model.set_weights([[[1.0], [-1.0]], [0.0]])
    >>> model.compile(mlp.optimizers.SGD(0.5), "binary_crossentropy")
    >>> trace = model.trace([[1.0, 1.0], [0.0, 2.0]], [[1.0], [0.0]])
    >>> trace["output"].net.round(3) + 0
    array([[ 0.],
           [-2.]])
    >>> trace["output"].delta.round(3)  # (y − t)/n
    array([[-0.25],
           [ 0.06]])
    >>> trace["output"].dW.round(3)  # Xᵀ δ
    array([[-0.25 ],
           [-0.131]])
    >>> trace["output"].updates["W"].round(3)  # −η dW
    array([[0.125],
           [0.065]])
    """

    def __init__(self, X: Array, T: Array, layers: list[LayerTrace]) -> None:
        self.X, self.T, self.layers = X, T, layers
        self.out = np.empty((0, 0))
        self.loss = self.penalty = self.learning_rate = 0.0
        self.optimizer = self.loss_name = ""
        self._pair: tuple[Array, float, str] | None = None
        self.is_plain_descent = False

    @property
    def canonical(self) -> str:
        """What the output delta comes to, if activation and loss are a canonical pair."""
        last = self.layers[-1]
        if self._pair is None or last.delta is None:
            return ""
        weight, factor, divisor = self._pair
        # gaps, ignored classes, logits and penalties on the outputs make the formula another
        if not np.array_equal((self.out - self.T) * (weight * factor), last.delta):
            return ""
        return ("" if factor == 1 else f"{factor:.3g} ") + "(y − T)" + divisor

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[LayerTrace]:
        return iter(self.layers)

    def __getitem__(self, key: Any) -> LayerTrace:
        if is_integer(key):
            require(-len(self) <= key < len(self), "index", key, f"an integer below {len(self)}")
            return self.layers[int(key)]
        names = [layer.name for layer in self.layers]
        require_one_of("layer", key, names)
        return self.layers[names.index(key)]

    def __str__(self) -> str:
        return writing.text(self)

    def __repr__(self) -> str:
        return f"<Trace of {len(self.X)} rows through {len(self)} layers; loss {self.loss:.4g}>"

    def _repr_html_(self) -> str:
        return writing.html(self)


def trace(
    model: Sequential,
    x: Any,
    y: Any,
    sample_weight: Any = None,
    class_weight: Any = None,
    training: bool = True,
) -> Trace:
    """One pass forward and back, as an object: `Sequential.trace`.

    Parameters
    ----------
    model : Sequential
        Compiled.
    x, y, sample_weight, class_weight : as in `Model.train_on_batch`
    training : bool, default True
        As in a step of the training: dropout drops what it would drop in the next. With False as in
        prediction.

    Returns
    -------
    Trace

    Raises
    ------
    NotReadyError
        Before `compile`.
    ArgumentError
        If the data cannot be used.

    Notes
    -----
    Weights, the optimizer's state and random numbers are afterwards what they were, to the bit.
    Only what the layers show (``layer.deltas`` …) is that of this pass. It goes by the layers' own
    `forward`, `delta` and `backward`, also where the training is compiled.
    """
    require_bool("training", training)
    X, _, target, weight = one_batch(model, x, y, sample_weight, class_weight)
    with model.lock, np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        engine: NumpyEngine = model.ready().reference
        if len(X) != len(engine.delta):
            engine.allocate(len(X))
        leaves, last = stack.leaves(model.layers), model.layers[-1]
        layers = [LayerTrace(name, leaf, leaf is last) for name, leaf in leaves]
        traced = Trace(X.copy(), target.copy(), layers)
        # values, gradients, updates; for one large array the system's memory is got once, and not each time
        kept = np.empty((3, model.parameters.values.size), model.parameters.values.dtype)
        with unchanged(model, kept[0]):
            with heard([leaf for _, leaf in leaves], layers, (X, traced.X)):
                traced.loss = engine.gradient(X, target, weight, training)
            # of a block the last layer in it is not the last
            traced.out = layers[-1].out if layers[-1].is_last else engine.out.copy()
            _fill_grad_of_the_last(model, traced, target, weight)
            traced.penalty = engine.penalty() + sum(
                layer.activity_penalty(len(X)) for layer in engine.penalised
            )
            _fill_parameters(model, traced, kept)
        _name(model, traced, weight)
    return traced


@contextmanager
def heard(
    leaves: Sequence[Layer], traced: Sequence[LayerTrace], first: tuple[Array, Array]
) -> Iterator[None]:
    """Let the layers' own three methods write down what comes and goes, for one pass.

    Parameters
    ----------
    leaves, traced : sequences of Layer and of LayerTrace
    first : tuple of Array
        The inputs, and the copy of them that the first layer's trace takes.
    """
    own = [{name: vars(leaf)[name] for name in REPLACEABLE if name in vars(leaf)} for leaf in leaves]
    last = [first]  # what a layer put out, and the copy: the next layer need not copy it again
    try:
        for leaf, into in zip(leaves, traced, strict=True):
            # on the object itself, where the loops over the layers find them before those of the class
            vars(leaf).update(
                forward=_forward(leaf, into, last), delta=_delta(leaf, into), backward=_backward(leaf, into)
            )
        yield
    finally:
        for leaf, before in zip(leaves, own, strict=True):
            for name in REPLACEABLE:
                vars(leaf).pop(name, None)
            vars(leaf).update(before)


def _forward(layer: Layer, into: LayerTrace, last: list[tuple[Array, Array]]) -> Callable[..., Array]:
    forward = layer.forward

    def heard_forward(X: Array, training: bool = False) -> Array:
        before, copied = last[0]
        into.X = copied if X is before else X.copy()
        out, net = forward(X, training), layer.net
        into.out = into.X if out is X else out.copy()
        into.net = None if not net.size else into.out if net is out else into.X if net is X else net.copy()
        last[0] = out, into.out
        return out

    return heard_forward


def _delta(layer: Layer, into: LayerTrace) -> Callable[[Array], Array]:
    delta = layer.delta

    def heard_delta(grad: Array) -> Array:
        # the penalty on activities is part of L
        into.grad = (grad if layer.activity_regularizer is None else layer.add_activity(grad)).copy()
        found = delta(grad)
        into.delta = into.grad if found is grad else found.copy()
        return found

    return heard_delta


def _backward(layer: Layer, into: LayerTrace) -> Callable[[Array], Array]:
    backward = layer.backward

    def heard_backward(delta: Array) -> Array:
        if into.delta is None:  # of the last layer, for which the loss has made it
            into.delta = delta.copy()
        return backward(delta)

    return heard_backward


def _fill_grad_of_the_last(model: Sequential, traced: Trace, target: Array, weight: Array) -> None:
    """∂L/∂out of the last layer, which the pass does not need where activation and loss cancel."""
    last, into = model.layers[-1], traced.layers[-1]
    if into.is_last:
        grad = model.loss.output_gradient(into.out, target, weight)
        into.grad = grad if last.activity_regularizer is None else last.add_activity(grad).copy()


def _fill_parameters(model: Sequential, traced: Trace, kept: Array) -> None:
    """Parameters, gradients and the step that the optimizer would make from here."""
    parameters, optimizer = model.parameters, model.optimizer
    values, gradients, updates = kept
    np.copyto(gradients, parameters.gradients)
    solves = hasattr(optimizer, "minimise")  # over all rows, and does not step
    steps = math.isfinite(traced.loss) and not solves
    if steps:
        optimizer.step()
        np.subtract(parameters.values, values, updates)
    into = {layer.name: layer for layer in traced.layers}
    parts = zip(parameters.names, parameters.slices, parameters.shapes, parameters.trainable, strict=True)
    for path, place, shape, moves in parts:
        owner, _, name = path.rpartition(".")
        into[owner].parameters[name] = values[place].reshape(shape)
        if moves:
            into[owner].gradients["d" + name] = gradients[place].reshape(shape)
            if steps:
                into[owner].updates[name] = updates[place].reshape(shape)


def _name(model: Sequential, traced: Trace, weight: Array) -> None:
    loss, optimizer, factor = model.loss, model.optimizer, model.loss.canonical_factor
    traced.loss_name, traced.optimizer = snake_case(type(loss).__name__), type(optimizer).__name__
    traced.learning_rate = optimizer.current_rate()
    if factor and traced.T.shape == traced.out.shape and traced.layers[-1].is_last and not weight.ndim:
        traced._pair = weight.copy(), factor, "" if loss.reduction == "sum" else "/n"
    more = ("momentum", "weight_decay", "use_ema", "gradient_accumulation_steps", "rate_factors", "clips")
    traced.is_plain_descent = isinstance(optimizer, SGD) and not any(
        [model.parameters.constraints, *(getattr(optimizer, name) for name in more)]
    )
