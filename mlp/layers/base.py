"""The layer: forward and backward by the delta rule.

Rows are samples; n samples, i inputs, o units. Two quantities travel back through the
network and are never mixed:

    grad  = ∂L/∂out   with respect to what a layer put out
    delta = ∂L/∂net   with respect to its net activation, net = X W + b

On the way down, for each layer,

    delta = f'(net) ∘ grad          `Layer.delta`
    dW    = Xᵀ delta                `Layer.backward`
    db    = Σ_n delta
    grad  = delta Wᵀ                handed to the layer below

Sign: delta here is plus the derivative, so an output delta reads y − t and the optimizer
subtracts. Many lectures, after Rumelhart, Hinton and Williams (1986), define δ with the
opposite sign, t − y, and add the update; the steps are the same.
"""

from __future__ import annotations  # so that np.random is not loaded for a signature

import copy
from typing import Any, Self

import numpy as np

from mlp.activations import Activation, Linear
from mlp.arrays import Array, Workspace, fill
from mlp.errors import ArgumentError
from mlp.naming import Part, constructor_arguments, is_integer, require

Shape = tuple[int, ...]


def as_shape(shape: Any, name: str) -> Shape:
    """The shape of one row, from a number or a sequence of numbers, as a tuple."""
    expected = "a tuple of positive integers, the shape of one row"
    require(np.iterable(shape) or is_integer(shape), name, shape, expected)
    sizes = tuple(shape) if np.iterable(shape) else (shape,)
    require(len(sizes) > 0 and all(is_integer(n) and n > 0 for n in sizes), name, sizes, expected)
    return tuple(int(size) for size in sizes)


class Layer(Part):
    """Base of layers. Your own implements `forward` and `backward`, and `build` if it learns.

    Parameters
    ----------
    input_shape : tuple of int, optional
        Shape of one row of the input; needed by the first layer only, and not even there if
        the model is built at `fit`.
    name : str, optional
        Unique in the model; by default the class, and from the second on a number: "dense", "dense_1".

    Attributes
    ----------
    parameters, gradients : dict of str to Array
        What is learned and its derivative, by the names "W", "b" and so on. The attributes
        ``layer.W`` and ``layer.dW`` are these arrays. In a model they are views into one flat
        vector, and assigning to them (``layer.W = new``) writes through.
    input_shape, output_shape : tuple of int
        Shapes of one row, known once the layer is built.
    activation : Activation
        Linear for a layer that has none.

    Examples
    --------
    A layer of your own, that doubles its input:

    >>> class Double(Layer):
    ...     def forward(self, X, training=False):
    ...         return 2 * X
    ...     def backward(self, delta):
    ...         return 2 * delta
    """

    out: Array
    net = np.empty((0, 0))  # a layer without an activation has none

    def __init__(self, input_shape: Shape | int | None = None, name: str | None = None) -> None:
        require(name is None or isinstance(name, str), "name", name, "a string")
        self.input_shape: Shape | None = None if input_shape is None else as_shape(input_shape, "input_shape")
        self.name = name
        self.activation: Activation = Linear()
        self.parameters: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        self.activation_parameters: tuple[str, ...] = ()
        self.built = self.owned = self.named_by_model = False
        self.shaped_by_model = input_shape is None
        self.rows = -1
        self.passes_grad = True  # False in a model's first layer: nothing below needs it
        self.workspace = Workspace()

    # the delta rule

    def forward(self, X: Array, training: bool = False) -> Array:
        """Output of shape (n, o) for input of shape (n, i); remembers what `backward` needs."""
        raise NotImplementedError

    def delta(self, grad: Array) -> Array:
        """``delta = f'(net) ∘ grad``; for a layer without an activation grad itself."""
        return grad

    def backward(self, delta: Array) -> Array:
        """Set the gradients of the parameters; return grad for the layer below."""
        raise NotImplementedError

    # building

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Learn the shape of a row and make the parameters with `add_parameter`."""
        self.input_shape, self.dtype, self.rng = input_shape, dtype, rng
        self.built = True

    @property
    def output_shape(self) -> Shape:
        """Shape of one row of the output."""
        assert self.input_shape is not None
        return self.input_shape

    def add_parameter(self, name: str, value: Array) -> None:
        """Make `name` a parameter with that initial value, and "d" + `name` its gradient."""
        array = np.array(value, dtype=self.dtype)
        self.bind(
            self.parameters | {name: array},
            self.gradients | {"d" + name: np.zeros_like(array)},
        )

    def add_activation(self, units: int) -> None:
        """Prepare the activation for that many units and learn what it learns."""
        self.activation.set_dtype(self.dtype)
        for name, value in self.activation.build(units, self.dtype).items():
            self.activation_parameters += (name, "d" + name)
            self.add_parameter(name, value)

    def bind(self, parameters: dict[str, Array], gradients: dict[str, Array]) -> None:
        """Make these arrays the layer's parameters and gradients."""
        self.parameters, self.gradients = parameters, gradients
        self.views = parameters | gradients
        self.__dict__.update(self.views)
        for name in self.activation_parameters:
            if name in self.views:
                setattr(self.activation, name, self.views[name])

    def __setattr__(self, name: str, value: Any) -> None:
        # self.dW = X.T @ delta and layer.W = new fill the array, which is part of the flat vector
        views = self.__dict__.get("views")
        if not views or name not in views:
            object.__setattr__(self, name, value)
            return
        try:
            views[name][...] = value
        except (TypeError, ValueError) as error:
            shape = views[name].shape
            raise ArgumentError(f"{self.name}.{name} must be numbers of shape {shape}: {error}") from error

    # working memory

    def buffers(self) -> dict[str, Shape]:
        """Working memory by attribute name: the shape of one row. Allocated once, then reused."""
        return {}

    def allocate(self, rows: int) -> None:
        """Size the buffers, and those of the activation, for a batch of that many rows."""
        theirs = self.activation.buffers(self.output_shape[-1])
        lent = self.workspace.lend(rows, self.buffers() | theirs, self.dtype)
        self.__dict__.update(lent)
        for name in theirs:
            setattr(self.activation, name, lent[name])
        self.rows = rows

    # copying

    def __getstate__(self) -> dict[str, Any]:
        """Everything but working memory, which is made anew when it is needed."""
        scratch = {"workspace", "rows", "X", "net", "out", "views", "gradients", *self.gradients}
        if self.built:
            scratch |= {*self.buffers(), *self.activation.buffers(self.output_shape[-1])}
        return {name: value for name, value in self.__dict__.items() if name not in scratch}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, workspace=Workspace(), rows=-1)
        parameters = state["parameters"]
        self.bind(parameters, {"d" + name: np.zeros_like(value) for name, value in parameters.items()})

    def clone(self) -> Self:
        """An unbuilt layer with the same settings; a name that the model gave is not among them."""
        settings = {name: copy.deepcopy(getattr(self, name)) for name in constructor_arguments(type(self))}
        if self.named_by_model:
            settings["name"] = None
        if self.shaped_by_model:
            settings["input_shape"] = None
        return type(self)(**settings)

    def get_weights(self) -> list[Array]:
        """Copies of the parameters: W, b …"""
        return [value.copy() for value in self.parameters.values()]

    def set_weights(self, weights: Any) -> None:
        """Set all parameters from arrays in the order of `get_weights`; all or, after an error, none."""
        fill(list(self.parameters.values()), weights)

    def count_params(self) -> int:
        """How many numbers the layer learns."""
        return sum(value.size for value in self.parameters.values())
