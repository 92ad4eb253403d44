"""L-BFGS, by way of scipy.optimize."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.arrays import Array
from mlp.naming import is_integer, require, require_in
from mlp.optimizers.base import Optimizer
from mlp.optimizers.objective import EPOCHS_OVER, Objective, refuse_step

if TYPE_CHECKING:
    from mlp.training import Training


class LBFGS(Optimizer):
    """w ← w − α H ∂L/∂w, H an estimate of the inverse Hessian from the last steps, α by line search.

    Parameters
    ----------
    maxcor : int, default 10
        Steps and changes of the gradient that H is made from.
    ftol : float in [0, inf), default 2.220446049250313e-09
        Ends when an iteration lowers the loss by less than this share of max(|L before|, |L after|, 1).
    gtol : float in [0, inf), default 1e-5
        Ends when no element of the gradient is larger.
    maxls : int, default 20
        Points that one line search may try.
    maxfun : int, default 15000
        Gradients in one training after which it ends.

    Attributes
    ----------
    message : str
        Why the last training ended.

    Notes
    -----
    For small and middling nets, full batch; `fit` with batch_size None or "full". An epoch is
    one iteration, and its loss that after it. The iterations are those of scipy's L-BFGS-B,
    which works in float64 whatever the model has; float32 models end early for rounding.
    Names and defaults are scipy's, too; scipy.optimize is only loaded here.
    H is not saved: a training that goes on begins it anew.

    References
    ----------
    D. C. Liu and J. Nocedal, "On the limited memory BFGS method for large scale optimization",
    Mathematical Programming 45 (1989). R. H. Byrd, P. Lu, J. Nocedal and C. Zhu, "A limited
    memory algorithm for bound constrained optimization", SIAM J. Scientific Computing 16 (1995).

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], dtype="float64", seed=0)
    >>> model.compile(LBFGS(), "mse")
    >>> history = mlp.optimizers.minimise(model, [[0.0], [1.0]], [[1.0], [3.0]], epochs=100)
    >>> model.get_weights()[0].round(4), model.get_weights()[1].round(4), history.epoch[-1] < 20
    (array([[2.]]), array([1.]), True)
    """

    forgets = True  # what scipy remembers of a run cannot be kept

    def __init__(
        self,
        maxcor: int = 10,
        ftol: float = 2.220446049250313e-09,
        gtol: float = 1e-5,
        maxls: int = 20,
        maxfun: int = 15000,
    ) -> None:
        super().__init__()
        for name, count in (("maxcor", maxcor), ("maxls", maxls), ("maxfun", maxfun)):
            require(is_integer(count) and count > 0, name, count, "a positive integer")
        require_in("[0, inf)", "ftol", ftol)
        require_in("[0, inf)", "gtol", gtol)
        self.maxcor, self.ftol, self.gtol, self.maxls, self.maxfun = maxcor, ftol, gtol, maxls, maxfun
        self.message = ""

    def step(self) -> None:
        refuse_step(self)

    def minimise(self, run: "Training") -> None:
        """Iterate as scipy does. Its minimiser drives itself, so the epochs are advanced by hand."""
        options = {name: getattr(self, name) for name in ("maxcor", "ftol", "gtol", "maxls", "maxfun")}
        with Objective(run, self) as objective:
            drive = _Drive(objective)
            if next(drive.epochs, None) is None:
                return
            try:
                result = lbfgs(
                    drive.evaluate, objective.position(), drive.iterated, maxiter=drive.maxiter, **options
                )
            except _EpochsOverError:
                self.message = EPOCHS_OVER
                return
            objective.back()
            if not drive.recorded:  # an epoch has begun, but scipy found no better point
                objective.record(drive.loss)
            objective.finish(str(result.message))
            next(drive.epochs, None)


class _EpochsOverError(Exception):
    """Carries the end of the training through scipy's loop."""


class _Drive:
    """What scipy calls: the function, and the word that an iteration is over.

    An epoch ends, with its validation and callbacks, when scipy asks for the first point of the
    next iteration; only then is it sure that there is one.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective, self.epochs = objective, objective.iterations()
        self.maxiter = objective.run.last - objective.run.first + 1  # never the reason to end
        self.recorded, self.begun, self.loss = False, False, 0.0

    def evaluate(self, w: Array) -> tuple[float, Array]:
        """L and ∂L/∂w at a point to try."""
        if self.recorded:
            if next(self.epochs, None) is None:
                raise _EpochsOverError
            self.recorded = False
        self.objective.move(w)
        loss, gradient = self.objective.gradient()
        if not self.begun:
            self.objective.back()
            self.objective.require_start(loss)
            self.begun, self.loss = True, loss
        return loss, gradient

    def iterated(self, intermediate_result: Any) -> None:
        """Keep the point that an iteration ends at."""
        self.objective.move(intermediate_result.x)
        self.objective.keep()
        self.loss = float(intermediate_result.fun)
        self.objective.record(self.loss)
        self.recorded = True


def lbfgs(
    function: Callable[[Array], tuple[float, Array]],
    start: Array,
    callback: Callable[[Any], None] | None = None,
    **options: Any,
) -> Any:
    """Minimise a function by scipy's L-BFGS-B.

    Parameters
    ----------
    function : callable
        Takes w of shape (p,) and returns L and ∂L/∂w.
    start : Array of shape (p,)
    callback : callable, optional
        Receives the point (``x``) and the loss (``fun``) after each iteration, by the name
        ``intermediate_result``.
    **options
        `maxcor`, `ftol`, `gtol`, `maxls`, `maxfun`, `maxiter` of scipy.

    Returns
    -------
    scipy.optimize.OptimizeResult
        With ``x``, ``fun``, ``nit`` and ``message``.
    """
    from scipy.optimize import minimize

    w = np.asarray(start, np.float64)
    return minimize(function, w, method="L-BFGS-B", jac=True, callback=callback, options=options)
