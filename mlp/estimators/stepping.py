"""Whether an estimator can learn batch by batch."""

from typing import Any

from mlp import optimizers


def steps_by_batches(estimator: Any) -> bool:
    """True, or an AttributeError if the solver takes all rows at once; for `partial_fit`."""
    solver = estimator.solver
    if solver in ("adam", "sgd"):
        return True
    if solver == "lbfgs" or isinstance(optimizers.get(solver), optimizers.Solver):
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {solver} is not stochastic."
        )
    return True
