"""The optimizer: from gradients to new parameters, on one flat vector."""

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from mlp.adjusting import Adjustable
from mlp.arrays import Array
from mlp.naming import Part, require, require_bool, require_in
from mlp.optimizers import blocks, settings
from mlp.parameters import Parameters


class Optimizer(Part):
    """Base of optimizers. Your own implements `update`.

    A step: clip the gradients, decay the parameters, update them by the rule, project them by
    their constraints, take them into the moving average.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.01
        Step size η; or a schedule or function of the step's number (0, 1, 2 …) that returns it.
        May be assigned at any time. (Keras calls a plain function without the number.)
    weight_decay : float, optional
        Decoupled decay λ: before each step every parameter, bias included, is multiplied by
        1 − η λ (Loshchilov and Hutter, 2019).
    clipnorm : float, optional
        Scale the gradient of each W and b down to this Euclidean norm.
    clipvalue : float, optional
        Cut each gradient element to [−clipvalue, clipvalue].
    global_clipnorm : float, optional
        Scale the whole gradient down to this norm. At most one kind of clipping.
    use_ema : bool, default False
        Keep a moving average of the parameters, average ← μ average + (1 − μ) W after each
        batch, and give it to the model at the end of `fit` (Polyak and Juditsky, 1992). It is
        taken after the constraints, so that it heeds them; Keras takes it before. The next `fit`
        goes on from the parameters as they were before that, unless others have been set in
        between; Keras's goes on from the average.
    ema_momentum : float in [0, 1], default 0.99
        μ.
    ema_overwrite_frequency : int, optional
        Give it to the model also after each so many steps.
    gradient_accumulation_steps : int of at least 2, optional
        Step only after so many batches, with the mean of their gradients. As in Keras a
        schedule counts batches even so; `iterations` counts steps.
    rate_factors : dict of str to float, optional
        Factors of η for some parameters, such as ``{"bias": 2, "dense_1": 0.1}``. Keys are names
        or parts of names: "dense_1.W" is one parameter, "dense_1" all of a layer, "W" or
        "gamma" all of that name; Keras's "kernel" is W, "bias" is b. Where several fit, their
        factors multiply. (Keras has none.)
    decay_factors : dict of str to float, optional
        Factors of λ in the same form; ``{"bias": 0}`` decays no bias.
    name : str, optional

    Attributes
    ----------
    slots : tuple of str
        Class attribute: the state vectors that `update` receives, all beginning at zero.
    by_parameter : bool
        Class attribute: whether `update` receives the parameters one by one, each in its shape,
        or blocks of the flat vector.
    iterations : int
        Steps taken.
    state : dict of str to Array
        The state vectors by name; with `iterations` all that a step remembers.

    Examples
    --------
    Sign descent, W ← W − η sign(dW):

    >>> class SignDescent(Optimizer):
    ...     def update(self, W, dW, scratch):
    ...         W -= self.rate * np.sign(dW)
    """

    slots: tuple[str, ...] = ()
    by_parameter = False
    weight_decay = Adjustable("[0, inf)", optional=True)

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.01,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        gradient_accumulation_steps: int | None = None,
        rate_factors: Mapping[str, float] | None = None,
        decay_factors: Mapping[str, float] | None = None,
        name: str | None = None,
    ) -> None:
        is_function = callable(learning_rate) and not isinstance(learning_rate, type)
        rate_is_right = is_function or settings.is_rate(learning_rate)
        expected = "a number of at least 0 or a function of the step"
        require(rate_is_right, "learning_rate", learning_rate, expected)
        settings.require_clipping(clipnorm=clipnorm, clipvalue=clipvalue, global_clipnorm=global_clipnorm)
        settings.require_decay("weight_decay", weight_decay)
        require_bool("use_ema", use_ema)
        require_in("[0, 1]", "ema_momentum", ema_momentum)
        settings.require_count("ema_overwrite_frequency", ema_overwrite_frequency, 1)
        settings.require_count("gradient_accumulation_steps", gradient_accumulation_steps, 2)
        require(name is None or isinstance(name, str), "name", name, "a string")
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.use_ema, self.ema_momentum = use_ema, ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.rate_factors = settings.as_factors("rate_factors", rate_factors)
        self.decay_factors = settings.as_factors("decay_factors", decay_factors)
        self.name = name
        self.iterations = 0
        self.pace: Callable[[int], int] | None = None  # of a fit that is short of time
        self.built = False
        self.owned = False  # by a model; another one then takes a copy
        self.state: dict[str, Array] = {}

    # what a rule implements

    def update(self, W: Array, dW: Array, scratch: Array, *slots: Array) -> None:
        """Change W in place by the rule.

        Parameters
        ----------
        W, dW : Array of shape (p,)
            A block of the flat vector of parameters, and of gradients; with `by_parameter`
            one parameter in its shape.
        scratch : Array of shape (p,)
            Working memory.
        *slots : Array of shape (p,)
            The state vectors named in `slots`, then the arrays of `memory`.

        Notes
        -----
        The step size is ``self.rate``, an array of rank zero.
        """
        raise NotImplementedError

    def constants(self, dtype: np.dtype[Any]) -> None:
        """Make the rule's numbers arrays of rank zero, which NumPy multiplies by much faster."""

    def scalars(self) -> dict[str, float]:
        """The rule's numbers by the names that its compiled form has for them, as `constants` made them."""
        return {}

    def numbers_of_steps(self, rates: Any, steps: Any) -> dict[str, Any]:
        """Numbers that change from step to step, by the names that `scalar_update` has for them.

        Parameters
        ----------
        rates : float, or Array of shape (s,)
            η of one step, or of some that follow each other.
        steps : int, or Array of shape (s,)
            Their numbers, from 1.
        """
        return {"rate": rates}

    def prepare(self, learning_rate: float) -> None:
        """Set what is the same for all parameters of this step with this η."""
        self.rate.fill(learning_rate)

    def begin(self, values: Array) -> None:
        """Give new state vectors their first numbers, if not zeros."""

    def slot_shapes(self, name: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """The shape of each state vector's part for a parameter; by default the parameter's."""
        return dict.fromkeys(self.slots, shape)

    def memory(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Array, ...]:
        """More working memory than `scratch`, for blocks or a parameter of that shape."""
        return ()

    def decay(self, name: str, shape: tuple[int, ...]) -> float | None:
        """λ of a parameter, without its factor."""
        weight_decay: float | None = self.weight_decay
        return weight_decay

    # building

    def build(self, parameters: Parameters) -> None:
        """Make the state vectors for these parameters, or go on with those there are."""
        values = parameters.values
        if not self.fits(parameters):
            if self.state:  # of a model that has changed
                self.iterations = 0
            self.state = {name: np.zeros(size, values.dtype) for name, size in self.sizes(parameters).items()}
            if self.use_ema:
                np.copyto(self.state["average"], values)
            self.begin(values)
        # what joblib has mapped from a file, as it does for its workers, is copied
        self.state = {name: np.require(v, requirements=["W", "E"]) for name, v in self.state.items()}
        self.parameters, self.built = parameters, True
        self.rate = np.zeros((), values.dtype)
        self.constants(values.dtype)
        self.clips = any(limit is not None for limit in (self.clipnorm, self.clipvalue, self.global_clipnorm))
        settings.require_fitting("rate_factors", self.rate_factors, parameters.names)
        settings.require_fitting("decay_factors", self.decay_factors, parameters.names)
        self._plan = blocks.Plan(self)
        self._projections = [
            (constraint.project, values[place].reshape(shape))
            for place, shape, constraint in parameters.constraints
        ]

    def adjusted(self) -> None:
        plan = vars(self).get("_plan")
        if plan is not None and self.built and not plan.follow(self):
            self._plan = blocks.Plan(self)

    def sizes(self, parameters: Parameters) -> dict[str, int]:
        """The length of each state vector for these parameters."""
        sizes = dict.fromkeys(self.slots, 0)
        for name, shape in zip(parameters.names, parameters.shapes, strict=True):
            for slot, part in self.slot_shapes(name, shape).items():
                sizes[slot] += math.prod(part)
        if self.use_ema:
            sizes |= {"average": parameters.values.size, "before_average": parameters.values.size}
            sizes["average_given"] = 1
        if self.gradient_accumulation_steps:
            sizes |= {"gradient_sum": parameters.values.size, "gradients_summed": 1}
        return sizes

    def fits(self, parameters: Parameters) -> bool:
        """Whether the state is one for these parameters."""
        return {name: vector.size for name, vector in self.state.items()} == self.sizes(parameters)

    # stepping

    def step(self) -> None:
        """One update of all trainable parameters from their gradients."""
        batches = self.gradient_accumulation_steps
        if batches and not self._accumulate(batches):
            if self.use_ema:
                self._take_average()
            return
        learning_rate = self.current_rate() if callable(self.learning_rate) else self.learning_rate
        if self.clips:
            self.clip(self.parameters)
        for decay in self._plan.shrinks:
            decay.shrink.fill(1 - learning_rate * decay.number)
        for factor, pieces in self._plan.groups:
            self.prepare(learning_rate * factor)
            for shrunk, block in pieces:
                for W, shrink in shrunk:
                    np.multiply(W, shrink, W)
                self.update(*block)
        for project, W in self._projections:
            project(W)
        if self.use_ema:
            self._take_average()
        self.iterations += 1

    def resume(self) -> None:
        """Begin a training or go on with one: take back what `finish` has given, if it is still there."""
        if self.has_given:
            for W, _, before, _ in self._plan.averages:
                np.copyto(W, before)
        if self.use_ema:
            self.state["average_given"].fill(0)

    @property
    def has_given(self) -> bool:
        """Whether the model has the averaged parameters, from `finish`, and nothing has moved them since."""
        if not self.use_ema or not self.state["average_given"][0]:
            return False
        return all(np.array_equal(W, average) for W, average, *_ in self._plan.averages)

    def finish(self) -> None:
        """End the training: with `use_ema` the model gets the averaged parameters, if it has not yet."""
        if not self.use_ema or self.has_given:
            return
        for W, average, before, _ in self._plan.averages:
            np.copyto(before, W)
            np.copyto(W, average)
        self.state["average_given"].fill(1)

    def current_rate(self) -> float:
        """η of the next step."""
        return self.rate_after(self.iterations)

    def schedule_step(self, iterations: int | None = None) -> int:
        """The number that a schedule is asked for after so many steps, by default after those taken."""
        number, k = self.iterations if iterations is None else iterations, self.gradient_accumulation_steps
        return number * k + k - 1 if k else number  # the last of the batches of the step

    def rate_after(self, iterations: int) -> float:
        """η of the step after so many."""
        rate, name = self.learning_rate, "learning_rate"
        if callable(rate):
            number = self.schedule_step(iterations)
            rate = rate(number if self.pace is None else self.pace(number))
            if not settings.is_rate(rate):
                name = f"learning_rate of step {number}"
        require(settings.is_rate(rate), name, rate, "a number of at least 0")
        return float(rate)

    def clip(self, parameters: Parameters) -> None:
        """Clip the gradients in place, by value, by each parameter's norm or by the norm of all."""
        gradients = parameters.gradients
        if self.clipvalue is not None:
            np.maximum(gradients, -self.clipvalue, out=gradients)
            np.minimum(gradients, self.clipvalue, out=gradients)
        elif self.clipnorm is not None:
            for place, moves in zip(parameters.slices, parameters.trainable, strict=True):
                if moves:
                    blocks.scale_down([gradients[place]], self.clipnorm)
        elif self.global_clipnorm is not None:
            blocks.scale_down([gradients[place] for place in self._plan.ranges], self.global_clipnorm)

    def _accumulate(self, batches: int) -> bool:
        """Add the gradients to their sum; whether it is whole, the gradients then being its mean."""
        gradients = self.parameters.gradients
        total, summed = self.state["gradient_sum"], self.state["gradients_summed"]
        total += gradients
        summed += 1
        if summed[0] < batches:
            return False
        np.divide(total, batches, gradients)
        total.fill(0)
        summed.fill(0)
        return True

    def _take_average(self) -> None:
        """Average ← average + (1 − μ) (W − average); in the first step the average is W."""
        frequency = self.ema_overwrite_frequency
        overwrites = frequency is not None and (self.iterations + 1) % frequency == 0
        for W, average, _, spare in self._plan.averages:
            if self.iterations:
                np.subtract(W, average, spare)
                np.multiply(spare, 1 - self.ema_momentum, spare)
                np.add(average, spare, average)
            else:
                np.copyto(average, W)
            if overwrites:
                np.copyto(W, average)

    # settings and copies

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        """Give parameters the decay factor 0: Keras's way to say ``decay_factors={"bias": 0}``.

        Parameters
        ----------
        var_list, var_names : sequence of str, optional
            Names as in `decay_factors`. (Keras takes variables, and parts of words.)
        """
        for argument, names in (("var_list", var_list), ("var_names", var_names)):
            right = names is None or (
                isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
            )
            require(right, argument, names, "a list of names, such as ['bias', 'dense_1.W']")
        excluded = dict.fromkeys((*(var_list or ()), *(var_names or ())), 0.0)
        self.decay_factors = settings.as_factors("decay_factors", {**(self.decay_factors or {}), **excluded})
        if self.built:
            self.build(self.parameters)

    def fresh(self) -> Self:
        """The same rule without a model: no state, no steps taken."""
        twin = copy.copy(self)
        twin.state, twin.iterations, twin.owned, twin.built = {}, 0, False, False
        return twin

    def __getstate__(self) -> dict[str, Any]:
        bound = ("parameters", "_plan", "_projections")  # made anew by `build`
        kept = {name: v for name, v in self.__dict__.items() if name not in bound}
        return kept | {"built": False, "pace": None}
