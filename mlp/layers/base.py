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
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from mlp.activations import Activation, Linear
from mlp.activations.base import InBlocks, keeps_nothing
from mlp.arrays import Array, Workspace, fill
from mlp.constraints import Constraint
from mlp.errors import ArgumentError
from mlp.naming import Part, Switch, constructor_arguments, is_integer, require
from mlp.regularizers import Regularizer

Shape = tuple[int, ...]
SETTINGS = {"activation", "epsilon", "scale", "offset", "forward"}  # which change what a built layer puts out


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
    trainable : bool, default True
        False freezes the layer: its parameters stay as they are. May be set at any time, and
        counts from the next `fit` on.
    input_dim : int, optional
        Keras's older word for ``input_shape=(input_dim,)``.

    Attributes
    ----------
    parameters, gradients : dict of str to Array
        What is learned and its derivative, by the names "W", "b" and so on. The attributes
        ``layer.W`` and ``layer.dW`` are these arrays. In a model they are views into one flat
        vector, and assigning to them (``layer.W = new``) writes through.
    kept : set of str
        Those of the parameters that are stored with the others but not learned from gradients,
        such as a moving average.
    learns : bool
        Whether the layer and all blocks that it is part of are trainable.
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
    activity: Array
    activity_delta: Array
    answers: dict[Any, Any] = {}  # what its model keeps ready for `predict`
    net = np.empty((0, 0))  # a layer without an activation has none
    activation_units = 0
    children: Sequence[Layer] = ()  # of a block: the layers in it
    trainable = Switch()
    depth = 0  # of a block: 1, or more if there are blocks in it

    def __init__(
        self,
        input_shape: Shape | int | None = None,
        name: str | None = None,
        trainable: bool = True,
        input_dim: int | None = None,
    ) -> None:
        right = name is None or (isinstance(name, str) and name != "optimizer" and not {".", "/"} & {*name})
        require(right, "name", name, "a string without '.' and '/', and not 'optimizer'")
        both = input_shape is not None and input_dim is not None
        require(not both, "input_dim", input_dim, "left out where input_shape is given")
        shape = input_shape if input_dim is None else input_dim
        self.input_shape: Shape | None = None
        if shape is not None:
            self.input_shape = as_shape(shape, "input_shape" if input_dim is None else "input_dim")
        self.input_dim: int | None = None  # said by input_shape
        self.name, self.trainable = name, trainable
        self.activation: Activation = Linear()
        self.activity_regularizer: Regularizer | None = None
        self.shaped_by_model = shape is None
        self.built = self.owned = self.named_by_model = False
        self.learns = self.passes_grad = True  # see `connect`
        self.checked = False  # whether the model's inputs come here, so that `check` has seen them
        self.forget()

    def forget(self) -> None:
        """Let go of the parameters and the working memory, as before `build`."""
        self.built, self.rows, self.workspace = False, -1, Workspace()
        self.penalty_scratch: dict[str, Array] = {}
        self.kept: set[str] = set()
        self.regularizers: dict[str, Regularizer] = {}
        self.constraints: dict[str, Constraint] = {}
        self.activation_parameters: tuple[str, ...] = ()
        self.input_shape = None if self.shaped_by_model else self.input_shape
        self.bind({}, {})

    # the delta rule

    def forward(self, X: Array, training: bool = False) -> Array:
        """Output of shape (n, o) for input of shape (n, i); remembers what `backward` needs."""
        raise NotImplementedError

    def delta(self, grad: Array) -> Array:
        """``delta = f'(net) ∘ grad``; for a layer without an activation grad itself."""
        return grad if self.activity_regularizer is None else self.add_activity(grad)

    def backward(self, delta: Array) -> Array:
        """Set the gradients of the parameters; return grad for the layer below."""
        raise NotImplementedError

    # at the door

    def check(self, X: Array, places: Array, name: str) -> None:
        """Raise an `ArgumentError` if the layer cannot take these numbers, before anything moves.

        Parameters
        ----------
        X : Array of shape (n, ...)
            The model's inputs, or those of them that `select` of the layers below picked.
        places : Array of shape (r, ...)
            Of each number of a row, its r indices in a row of the model's inputs, picked likewise.
        name : str
            How the inputs are called in an error.
        """

    def select(self, X: Array) -> Array | None:
        """What the layer above gets, if this one only picks and passes on; by default None."""
        return None

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

    def add_parameter(
        self,
        name: str,
        value: Array,
        trainable: bool = True,
        regularizer: Regularizer | None = None,
        constraint: Constraint | None = None,
    ) -> None:
        """Make `name` a parameter with that initial value, and "d" + `name` its gradient.

        With ``trainable=False`` it is kept with the others and never updated from a gradient.
        """
        array = np.array(value, dtype=self.dtype)
        if not trainable:
            self.kept |= {name}
        if regularizer is not None:
            self.regularizers |= {name: regularizer}
        if constraint is not None:
            self.constraints |= {name: constraint}
        self.bind(
            self.parameters | {name: array},
            self.gradients | {"d" + name: np.zeros_like(array)},
        )

    def add_activation(self, units: int) -> None:
        """Prepare the activation for that many units and learn what it learns."""
        self.activation_units = units
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
        if name in SETTINGS:
            self.answers.clear()
            vars(self).update(rows=-1, workspace=Workspace())
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

    # penalties

    def penalty(self) -> float:
        """What the regularizers of the parameters add to the loss."""
        regularizers = self.regularizers.items() if self.learns else ()
        return sum(regularizer(self.parameters[name]) for name, regularizer in regularizers)

    def add_penalty_gradients(self) -> None:
        """Add the derivatives of `penalty` to the gradients."""
        for name, regularizer in self.regularizers.items() if self.learns else ():
            W = self.parameters[name]
            if name not in self.penalty_scratch:
                self.penalty_scratch[name] = np.empty_like(W)
            self.gradients["d" + name] += regularizer.gradient(W, self.penalty_scratch[name])

    def activity_penalty(self, rows: int) -> float:
        """What the activity regularizer adds to the loss: its penalty on the output, divided by `rows`."""
        return 0.0 if self.activity_regularizer is None else self.activity_regularizer(self.out) / rows

    def add_activity(self, grad: Array) -> Array:
        """Grad and the derivative of the activity penalty; not in place, as grad may be shared."""
        assert self.activity_regularizer is not None
        total = self.activity_regularizer.gradient(self.out, self.activity)
        total /= len(total)
        total += grad
        return total

    def add_activity_delta(self, delta: Array) -> Array:
        """The same for the last layer, whose delta the loss has made."""
        assert self.activity_regularizer is not None
        grad = self.activity_regularizer.gradient(self.out, self.activity)
        grad /= len(grad)
        learned = [self.gradients[name] for name in self.activation_parameters if name in self.gradients]
        of_loss = [gradient.copy() for gradient in learned]  # which `delta` of the activation sets anew
        delta += self.activation.delta(grad, self.net, self.out, self.activity_delta)
        for gradient, part in zip(learned, of_loss, strict=True):
            gradient += part
        return delta

    # working memory

    def buffers(self) -> dict[str, Shape]:
        """Working memory by attribute name: the shape of one row. Allocated once, then reused."""
        return {}

    def allocate(self, rows: int) -> None:
        """Size the buffers, and those of the activation, for a batch of that many rows."""
        theirs = self.activation.buffers(self.activation_units or self.output_shape[-1])
        ours = self.buffers()
        if self.activity_regularizer is not None:
            ours |= {
                "activity": self.output_shape,
                "activity_delta": (self.activation_units or self.output_shape[-1],),
            }
        lent = self.workspace.lend(rows, ours | theirs, self.dtype)
        self.__dict__.update(lent)
        for name in theirs:
            setattr(self.activation, name, lent[name])
        self.applied: Activation | InBlocks = self.activation
        units, learns = self.activation_units, bool(self.activation_parameters)
        if rows * units > 2 * InBlocks.BLOCK and not learns and keeps_nothing(self.activation):
            self.applied = InBlocks(self.activation, units, rows)
        self.rows = rows

    # in a stack

    def leaves(self) -> list[tuple[str, Layer]]:
        """The layer itself by its name; for a block the layers in it, such as "residual.dense"."""
        inner = [leaf for child in self.children for leaf in child.leaves()]
        return [(f"{self.name}.{path}", leaf) for path, leaf in inner] or [(self.name or "", self)]

    def connect(self, below: bool, learns: bool) -> None:
        """Take in whether a layer below learns, and so needs grad, and whether this one may."""
        learns = learns and self.trainable
        if (below, learns) != (self.passes_grad, self.learns):
            self.passes_grad, self.learns = below, learns
            self.rows, self.workspace = -1, Workspace()

    def is_learning(self) -> bool:
        """Whether anything in it moves while training."""
        return any(leaf.learns and leaf.parameters.keys() > leaf.kept for _, leaf in self.leaves())

    def clone(self) -> Self:
        """An unbuilt layer with the same settings; a name that the model gave is not among them."""
        settings = {name: _clone(getattr(self, name)) for name in constructor_arguments(type(self))}
        if self.named_by_model:
            settings["name"] = None
        if self.shaped_by_model:
            settings["input_shape"] = None
        return type(self)(**settings)

    # weights

    @property
    def weights(self) -> list[Array]:
        """The parameters themselves, W, b …, and what is kept with them."""
        return [value for _, leaf in self.leaves() for value in leaf.parameters.values()]

    @property
    def trainable_weights(self) -> list[Array]:
        """Those of `weights` that training moves."""
        if not self.trainable:
            return []
        own = [value for name, value in self.parameters.items() if name not in self.kept]
        return own + [value for child in self.children for value in child.trainable_weights]

    @property
    def non_trainable_weights(self) -> list[Array]:
        """Those of `weights` that training leaves alone, or only keeps count in."""
        moving = {id(value) for value in self.trainable_weights}
        return [value for value in self.weights if id(value) not in moving]

    def get_weights(self) -> list[Array]:
        """Copies of the parameters: W, b …"""
        return [value.copy() for value in self.weights]

    def set_weights(self, weights: Any) -> None:
        """Set all parameters from arrays in the order of `get_weights`; all or, after an error, none."""
        fill(self.weights, weights)

    def count_params(self) -> int:
        """How many numbers the layer keeps: those that it learns, and others such as moving averages."""
        return sum(value.size for value in self.weights)

    def release(self) -> None:
        """Let go of the last batch and of working memory, which is made anew when it is needed."""
        kept = self.__getstate__().keys() | self.gradients.keys() | {"views", "gradients", "answers"}
        for name in vars(self).keys() - kept:
            del self.__dict__[name]
        if self.built:
            for name in self.activation.buffers(self.activation_units or self.output_shape[-1]):
                vars(self.activation).pop(name, None)
        self.rows, self.workspace, self.penalty_scratch = -1, Workspace(), {}

    # pickling

    def __getstate__(self) -> dict[str, Any]:
        """Everything but working memory, which is made anew when it is needed."""
        scratch = {"workspace", "rows", "X", "net", "out", "views", "gradients", "penalty_scratch", "applied"}
        scratch |= {"answers", *self.gradients}
        if self.built:
            scratch |= {"activity", "activity_delta", *self.buffers()}
            scratch |= self.activation.buffers(self.activation_units or self.output_shape[-1]).keys()
        return {name: value for name, value in self.__dict__.items() if name not in scratch}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, workspace=Workspace(), rows=-1, penalty_scratch={})
        parameters = state["parameters"]
        self.bind(parameters, {"d" + name: np.zeros_like(value) for name, value in parameters.items()})


def _clone(setting: Any) -> Any:
    if isinstance(setting, list | tuple):
        return [_clone(item) for item in setting]
    return setting.clone() if isinstance(setting, Layer) else copy.deepcopy(setting)
