"""Scaled conjugate gradients: second-order steps at the price of two gradients."""

import math
from typing import TYPE_CHECKING

import numpy as np

from mlp.arrays import Array
from mlp.naming import require_in
from mlp.optimizers.base import Optimizer
from mlp.optimizers.objective import EPOCHS_OVER, Objective, refuse_step

if TYPE_CHECKING:
    from mlp.training import Training

LEAST = 1e-20  # λ is not made smaller, so that it never underflows to 0


class ScaledConjugateGradient(Optimizer):
    """w ← w + α d, α = −dᵀg / (dᵀHd + λ‖d‖²), d ← −g + β d: conjugate gradients without line search.

    Parameters
    ----------
    sigma : float in (0, inf), default 5e-5
        Length σ of the step by which Hd ≈ (g(w + σ d/‖d‖) − g(w)) ‖d‖/σ is found.
    lambda_start : float in (0, inf), default 5e-7
        λ to begin with; it keeps the model of the loss convex, and grows where the model is wrong.
    min_grad : float in [0, inf), default 1e-6
        Ends when the Euclidean norm of the gradient is not larger.

    Attributes
    ----------
    message : str
        Why the last training ended.

    Notes
    -----
    For small and middling nets, full batch; `fit` with batch_size None or "full". An epoch is
    one iteration, two gradients, and its loss that after it; an iteration that would raise the
    loss moves nothing but λ. g is the gradient; β = (‖g_new‖² − g_newᵀg) / (−dᵀg), and every p
    iterations (p weights) d is −g alone. After a step L(w) − L(w + αd) is compared with what
    the model foretold: above 3/4 of it λ becomes λ/4, below 1/4 it grows.

    Møller's λ̄ is not needed: dᵀHd is kept without λ, which is added anew at each try. Where d
    points uphill, as it may without a line search, d is −g; Møller goes back along it. Defaults
    as in MATLAB's trainscg. d and λ are saved with the model, so a training can go on.

    References
    ----------
    M. F. Møller, "A scaled conjugate gradient algorithm for fast supervised learning",
    Neural Networks 6 (1993).

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], dtype="float64", seed=0)
    >>> model.compile(ScaledConjugateGradient(), "mse")
    >>> history = mlp.optimizers.minimise(model, [[0.0], [1.0]], [[1.0], [3.0]], epochs=100)
    >>> model.get_weights()[0].round(4), model.get_weights()[1].round(4), history.epoch[-1] < 10
    (array([[2.]]), array([1.]), True)
    """

    slots = ("direction", "scale")  # d, and λ in every element

    def __init__(self, sigma: float = 5e-5, lambda_start: float = 5e-7, min_grad: float = 1e-6) -> None:
        super().__init__()
        require_in("(0, inf)", "sigma", sigma)
        require_in("(0, inf)", "lambda_start", lambda_start)
        require_in("[0, inf)", "min_grad", min_grad)
        self.sigma, self.lambda_start, self.min_grad = sigma, lambda_start, min_grad
        self.message = ""

    def step(self) -> None:
        refuse_step(self)

    def minimise(self, run: "Training") -> None:
        """Iterate until the gradient is small."""
        with Objective(run, self) as objective:
            direction, scale = self.state["direction"], self.state["scale"]
            loss, g = math.nan, direction
            curvature: float | None = None  # dᵀHd, once it is known for this d
            self.message = EPOCHS_OVER
            for _ in objective.iterations():
                if math.isnan(loss):  # the first
                    loss, g = objective.look()
                    objective.require_start(loss)
                    if not direction.any():
                        scale.fill(self.lambda_start)
                norm = math.sqrt(g @ g)
                if norm <= self.min_grad:
                    objective.finish(f"the norm of the gradient is {norm:.3g}")
                    objective.record(loss)
                    continue
                d = direction[objective.free].astype(np.float64)
                if d @ g >= 0:  # no way down: the first iteration, or other data than before
                    direction[objective.free] = d = -g
                    curvature = None
                if curvature is None:
                    curvature = self.curvature(objective, d, g)
                better = self.try_step(objective, loss, g, d, curvature)
                if better is not None:
                    restart = (self.iterations + 1) % len(g) == 0
                    beta = 0.0 if restart else (better[1] @ better[1] - better[1] @ g) / -(d @ g)
                    loss, g = better
                    direction[objective.free] = beta * d - g
                    curvature = None
                objective.record(loss)

    def curvature(self, objective: Objective, d: Array, g: Array) -> float:
        """dᵀHd, by a difference of gradients."""
        sigma = self.sigma / math.sqrt(d @ d)
        objective.move(objective.kept + sigma * d)
        ahead = objective.look()[1]
        objective.back()
        return float(d @ (ahead - g)) / sigma

    def try_step(
        self, objective: Objective, loss: float, g: Array, d: Array, curvature: float
    ) -> tuple[float, Array] | None:
        """One step along d and the new λ. The loss and the gradient there, or None if it is higher."""
        square, slope, scale = float(d @ d), -float(d @ g), float(self.state["scale"][0])
        if not math.isfinite(curvature):  # the loss overflows even so near by
            curvature = 0.0
        if curvature + scale * square <= 0:  # the loss is not convex along d: λ makes the model so
            scale = max(-2 * curvature / square, 2 * scale)
        convexity = curvature + scale * square
        objective.move(objective.kept + slope / convexity * d)
        if np.array_equal(objective.position(), objective.kept):
            objective.finish("no step moves the weights any more")
        new_loss, new_g = objective.gradient()
        # the gain in units of what the quadratic model foretold, slope²/(2 convexity)
        gain = 2 * convexity / slope * ((loss - new_loss) / slope) if math.isfinite(new_loss) else -9.0
        if gain >= 0:
            objective.keep()
        else:
            objective.back()
        if gain >= 0.75:
            scale = max(scale / 4, LEAST)
        elif gain < 0.25:
            scale += convexity * (1 - gain) / square
        self.state["scale"].fill(scale)
        return (new_loss, new_g) if gain >= 0 else None
