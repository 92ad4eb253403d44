"""Levenberg and Marquardt's method: least squares for small nets, to the last digit."""

import math
from typing import TYPE_CHECKING

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.layers import stack
from mlp.layers.jacobian import Jacobian
from mlp.layers.propagation import forward
from mlp.losses import HalfMeanSquaredError, MeanSquaredError, SumOfSquares
from mlp.naming import require, require_in
from mlp.optimizers.base import Optimizer
from mlp.optimizers.objective import EPOCHS_OVER, Objective, refuse_step
from mlp.regularizers import L1L2, L2

if TYPE_CHECKING:
    from mlp.training import Training

ROOM = 1 << 20  # numbers of the Jacobian that are held at a time: 8 MB, in which its product is made
LEAST = 1e-20  # μ is not made smaller


class LevenbergMarquardt(Optimizer):
    """w ← w − (JᵀJ + μI)⁻¹ Jᵀr, r the residuals and J = ∂r/∂w; the loss is ‖r‖².

    Parameters
    ----------
    mu : float in (0, inf), default 0.001
        μ to begin with. A large one makes short steps down the gradient, a small one those of
        Gauss and Newton.
    decrease : float in (0, 1), default 0.1
        What μ is multiplied by after a step that lowers the loss.
    increase : float in (1, inf), default 2
        What μ is multiplied by, and the step tried again, if it does not.
    mu_max : float in (0, inf), default 1e10
        Ends when μ is larger: no step lowers the loss.
    min_grad : float in [0, inf), default 1e-7
        Ends when the Euclidean norm of the loss's gradient, 2Jᵀr, is not larger.

    Attributes
    ----------
    message : str
        Why the last training ended.

    Notes
    -----
    For nets of up to some hundred weights, with a squared error as loss, in float64; `fit` with
    batch_size None or "full". An epoch is one step that lowers the loss, and its loss that
    after it. J comes from one backpropagation for each output (`mlp.layers.jacobian`), some
    rows at a time; JᵀJ takes most of the time, n·o·p² multiplications for p weights.

    r = √c (out − T), c the weight of the sample by 1/N and the factor of the loss. Penalties
    `L2` are part of the least squares: l2 is added to the diagonal of JᵀJ. Marquardt's scaling
    of μ by that diagonal is not used. Defaults as in MATLAB's trainlm, but for `increase`: with
    its 10 fewer steps are tried, but each that is kept is shorter. μ is saved with the model, so
    a training can go on.

    References
    ----------
    K. Levenberg, "A method for the solution of certain non-linear problems in least squares",
    Quarterly of Applied Mathematics 2 (1944). D. W. Marquardt, "An algorithm for least-squares
    estimation of nonlinear parameters", J. SIAM 11 (1963). M. T. Hagan and M. B. Menhaj,
    "Training feedforward networks with the Marquardt algorithm", IEEE Transactions on Neural
    Networks 5 (1994).

    Examples
    --------
    A linear model has its least squares after a few steps:

    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], dtype="float64", seed=0)
    >>> model.compile(LevenbergMarquardt(), "mse")
    >>> history = mlp.optimizers.minimise(model, [[0.0], [1.0]], [[1.0], [3.0]], epochs=100)
    >>> model.get_weights()[0].round(8), model.get_weights()[1].round(8), history.epoch[-1] < 5
    (array([[2.]]), array([1.]), True)
    """

    slots = ("damping",)  # μ in every element

    def __init__(
        self,
        mu: float = 0.001,
        decrease: float = 0.1,
        increase: float = 2,
        mu_max: float = 1e10,
        min_grad: float = 1e-7,
    ) -> None:
        super().__init__()
        require_in("(0, inf)", "mu", mu)
        require_in("(0, 1)", "decrease", decrease)
        require_in("(1, inf)", "increase", increase)
        require_in("(0, inf)", "mu_max", mu_max)
        require(mu <= mu_max, "mu", mu, f"at most mu_max, {mu_max}")
        require_in("[0, inf)", "min_grad", min_grad)
        self.mu, self.decrease, self.increase = mu, decrease, increase
        self.mu_max, self.min_grad = mu_max, min_grad
        self.message = ""

    def step(self) -> None:
        refuse_step(self)

    def minimise(self, run: "Training") -> None:
        """Iterate until the gradient is small or no step lowers the loss."""
        with Objective(run, self) as objective:
            squares = LeastSquares(objective)
            damping, loss = self.state["damping"], math.nan
            self.message = EPOCHS_OVER
            for _ in objective.iterations():
                if math.isnan(loss):  # the first
                    loss = squares.loss()
                    objective.require_start(loss)
                    if not 0 < damping[0] <= self.mu_max:
                        damping.fill(self.mu)
                JJ, Jr = squares.normal_equations()
                norm = 2 * math.sqrt(Jr @ Jr)
                if norm <= self.min_grad:
                    objective.finish(f"the norm of the gradient is {norm:.3g}")
                else:
                    loss, mu = self.descend(squares, loss, JJ, Jr, float(damping[0]))
                    damping.fill(mu)
                    if mu > self.mu_max:
                        objective.finish(f"no step lowers the loss, up to mu = {self.mu_max:.3g}")
                objective.record(loss)

    def descend(
        self, squares: "LeastSquares", loss: float, JJ: Array, Jr: Array, mu: float
    ) -> tuple[float, float]:
        """Try steps with ever larger μ until one lowers the loss; the loss and μ then."""
        objective = squares.objective
        while mu <= self.mu_max:
            step = solve(JJ, mu, Jr)
            if step is not None:
                objective.move(objective.kept - step)
                new_loss = squares.loss()
                if new_loss < loss:
                    objective.keep()
                    return new_loss, max(mu * self.decrease, LEAST)
                objective.back()
            mu *= self.increase
        return loss, mu


class LeastSquares:
    """The loss of a run as a sum of squares, ‖r‖² + Σ l2 w², with its normal equations.

    Parameters
    ----------
    objective : Objective

    Raises
    ------
    ArgumentError
        If the loss is no sum of squares, or a layer or a penalty is not one for it.
    """

    losses = (MeanSquaredError, SumOfSquares, HalfMeanSquaredError)

    def __init__(self, objective: Objective) -> None:
        model, engine = objective.run.model, objective.engine
        self.objective, self.layers, self.engine = objective, model.layers, engine
        if type(model.loss) not in self.losses:
            names = ", ".join(cls.__name__ for cls in self.losses)
            raise ArgumentError(
                f"{objective.name} needs a loss that is a sum of squares ({names}); got "
                f"{type(model.loss).__name__}. For other losses there are 'lbfgs' and 'scg'"
            )
        self.jacobian = Jacobian(self.layers)
        self.ridge = ridge(objective)
        n, o, p = len(objective.X), self.layers[-1].output_shape[0], self.jacobian.size
        weight = np.broadcast_to(objective.weight, n) * model.loss.factor(o)
        self.scale: Array = np.sqrt(weight)
        self.rows = max(1, min(n, ROOM // (o * p)))
        self.J = np.empty(o * self.rows * p, objective.values.dtype)
        self.JJ, self.Jr = np.empty((p, p)), np.empty(p)

    def loss(self) -> float:
        """‖r‖² and the penalties, where the parameters stand; infinite if not finite."""
        of = self.objective
        with self.engine.lock:
            loss = self.engine.evaluate(of.X, of.target, of.weight) + self.engine.penalty()
        return loss if math.isfinite(loss) else math.inf

    def normal_equations(self) -> tuple[Array, Array]:
        """JᵀJ and Jᵀr with the penalties, added up over pieces of `rows` rows, in float64."""
        of, (o,) = self.objective, self.layers[-1].output_shape
        self.JJ.fill(0)
        self.Jr.fill(0)
        for start in range(0, len(of.X), self.rows):
            piece = slice(start, start + self.rows)
            scale = self.scale[piece]
            J = self.J[: o * len(scale) * len(self.Jr)].reshape(o, len(scale), len(self.Jr))
            with self.engine.lock:
                r = (forward(self.layers, of.X[piece]) - of.target[piece]) * scale[:, None]
                self.jacobian.fill(scale, J)
            flat = J.reshape(-1, len(self.Jr))
            self.JJ += flat.T @ flat
            self.Jr += flat.T @ r.T.reshape(-1)
        self.JJ.reshape(-1)[:: len(self.Jr) + 1] += self.ridge
        self.Jr += self.ridge * of.kept
        return self.JJ, self.Jr


def ridge(objective: Objective) -> Array:
    """The l2 of each trained weight, 0 where there is no penalty."""
    factors = []
    for path, leaf in stack.leaves(objective.run.model.layers):
        if leaf.activity_regularizer is not None:
            raise ArgumentError(f"{objective.name} cannot take the activity_regularizer of layer {path!r}")
        for name, value in leaf.parameters.items() if leaf.learns else ():
            penalty = leaf.regularizers.get(name)
            squared = isinstance(penalty, L2) or (isinstance(penalty, L1L2) and penalty.l1 == 0)
            if penalty is not None and not squared:
                raise ArgumentError(
                    f"{objective.name} takes penalties that are squares, as L2 is; layer {path!r} has "
                    f"{penalty!r} on {name}. For others there are 'lbfgs' and 'scg'"
                )
            factors.append(np.full(value.size, getattr(penalty, "l2", 0.0)))
    return np.concatenate(factors)


def solve(A: Array, mu: float, b: Array) -> Array | None:
    """The x of (A + μI) x = b; None if A + μI is singular to the last digit."""
    damped = A.copy()
    damped.reshape(-1)[:: len(b) + 1] += mu
    try:
        x = np.linalg.solve(damped, b)
    except np.linalg.LinAlgError:
        return None
    return x if np.isfinite(x).all() else None
