"""What a file may ask for: layers are built from it without memory that its numbers do not fill."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.initializers import Initializer
from mlp.layers import Layer, stack
from mlp.layers.base import Shape
from mlp.sequential import Sequential


class Ration:
    """Stands in for the initializers while layers are built: zeros, but not more than the file has numbers.

    What they would draw is replaced by the file's numbers anyway; and a layer of a billion units
    in a file of a few bytes is refused before memory is taken for it. So are rows of a billion
    numbers, for which layers take memory too.

    Parameters
    ----------
    arrays : mapping of str to Array
        All that the file has.
    dtype : str
        Of the model.

    Examples
    --------
    >>> from mlp.layers import Dense
    >>> model = Sequential()
    >>> Ration({"dense.W": np.zeros((3, 2), "f4")}, "float32").build(model, [Dense(10**9, input_shape=(3,))])
    Traceback (most recent call last):
    mlp.errors.ArgumentError: its layers want more numbers than the file has
    """

    ROWS = 2**22  # numbers; what goes in and out of all layers for one row may be 4 times so many, or
    # 4 times what the file has, if that is more
    SLACK = 2**16  # numbers; so that of a small file is said which of them are missing

    def __init__(self, arrays: Mapping[str, Any], dtype: str) -> None:
        weights = [array.nbytes for name, array in arrays.items() if is_weight(name)]
        self.most = sum(weights) // np.dtype(dtype).itemsize + self.SLACK
        self.left = self.most
        self.left_for_rows = 4 * max(self.most, self.ROWS)

    def __call__(self, rng: Any, shape: tuple[int, ...]) -> Array:
        self._require(math.prod(shape), self.most)  # some are drawn after their parameter was made
        return np.zeros(shape)

    def _require(self, numbers: int, left: int) -> None:
        if numbers > left:
            raise ArgumentError("its layers want more numbers than the file has")

    def build(self, model: Sequential, layers: Sequence[Any]) -> None:
        """Put layers on top of the model, and build it if its input is known.

        Raises
        ------
        ArgumentError
            If they want more than there is; the model cannot be used then.
        """
        parts = stack.everything([layer for layer in layers if isinstance(layer, Layer)])
        drawn = [
            (part, name, value)
            for part in parts
            for name, value in vars(part).items()
            if isinstance(value, Initializer)
        ]
        for part, name, _ in drawn:
            setattr(part, name, self)
        for part in parts:
            vars(part).update(build=self._rationed(part), add_parameter=self._taking(part))
        vars(model)["_change"] = lambda: None  # once for all, not for each layer
        for layer in layers:
            model.add(layer)
        del vars(model)["_change"]
        if model.input_shape and any(type(part).check is not Layer.check for part in parts):
            self._pass(model.input_shape, 2 * len(model.input_shape))  # see `Model.gather`
        model._change()
        for part, name, initializer in drawn:
            setattr(part, name, initializer)
        for part in parts:
            del vars(part)["build"], vars(part)["add_parameter"]

    def _rationed(self, part: Layer) -> Callable[..., None]:
        """The method `build` of a layer, with looks at what goes in and what comes out."""
        build = part.build

        def rationed(input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
            self._pass(input_shape)
            build(input_shape, rng, dtype)
            self._pass(part.output_shape)

        return rationed

    def _taking(self, part: Layer) -> Callable[..., None]:
        """The method `add_parameter`, which makes of all values zeros.

        The system hands out zeros by promise: they take no memory, and are gone once the model has
        gathered them.
        """
        add_parameter = part.add_parameter

        def taking(name: str, value: Array, *options: Any, **named: Any) -> None:
            numbers, shape = math.prod(np.shape(value)), np.shape(value)
            self._require(numbers, self.left)
            self.left -= numbers
            add_parameter(name, np.zeros(0), *options, **named)
            part.bind(
                part.parameters | {name: np.zeros(shape, part.dtype)},
                part.gradients | {"d" + name: np.zeros(shape, part.dtype)},
            )

        return taking

    def _pass(self, row: Shape, times: int = 1) -> None:
        self.left_for_rows -= math.prod(row) * times
        if self.left_for_rows < 0:
            raise ArgumentError(f"its layers hand on rows that are too long, such as one of shape {row}")


def is_weight(name: str) -> bool:
    """Whether an array is a parameter of a layer, not of the optimizer's or a run's state."""
    return not name.startswith("optimizer.") and "/" not in name
