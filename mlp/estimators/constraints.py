"""What the parameters of the estimators may be: scikit-learn's table, and our additions to it.

`fit` holds them against it and says, in scikit-learn's words, what was expected and what came.
"""

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from mlp.activations import Activation
from mlp.callbacks import Callback
from mlp.initializers import Initializer
from mlp.losses import Loss
from mlp.naming import CATALOGUES, key_of
from mlp.optimizers import Optimizer


class Names(StrOptions):
    """scikit-learn's names, and all those of a catalogue of ours, registered ones too.

    Parameters
    ----------
    kind : str
        Of the catalogue: "activation", "loss" …
    *theirs : str
    """

    def __init__(self, kind: str, *theirs: str) -> None:
        super().__init__(set(theirs))
        self.kind = kind

    def is_satisfied_by(self, val: Any) -> bool:
        """Whether it is one of these names."""
        if not isinstance(val, str):
            return False
        return val in self.options or key_of(val) in map(key_of, CATALOGUES[self.kind].names())

    def __str__(self) -> str:
        theirs = f"{super().__str__()} or of " if self.options else "a str among "
        return f"{theirs}mlp.utils.names({self.kind!r})"


POSITIVE_INTEGER = Interval(Integral, 1, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
SHARE = Interval(Real, 0, 1, closed="left")

CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", POSITIVE_INTEGER],
    "activation": [
        Names("activation", "identity", "logistic", "tanh", "relu"), Activation, type, callable,
        list, tuple, np.ndarray,
    ],
    "solver": [Names("optimizer", "lbfgs", "sgd", "adam"), Optimizer, type],
    "alpha": [NOT_NEGATIVE],
    "batch_size": [StrOptions({"auto"}), POSITIVE_INTEGER],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"}), callable],
    "learning_rate_init": [POSITIVE],
    "power_t": [NOT_NEGATIVE],
    "max_iter": [POSITIVE_INTEGER],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [NOT_NEGATIVE],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [SHARE],
    "beta_1": [SHARE],
    "beta_2": [SHARE],
    "epsilon": [POSITIVE],
    "n_iter_no_change": [POSITIVE_INTEGER, Options(Real, {np.inf})],
    "max_fun": [POSITIVE_INTEGER],
    # what scikit-learn lacks
    "n_layers": [Interval(Integral, 0, None, closed="left"), None],
    "width": [POSITIVE_INTEGER, None],
    "out_activation": [
        Names("activation", "identity", "logistic", "softmax", "exp"), Activation, type, callable, None,
    ],
    "dropout": [SHARE, list, tuple, np.ndarray],
    "input_dropout": [SHARE],
    "l1": [NOT_NEGATIVE],
    "kernel_initializer": [Names("initializer"), Initializer, type, None],
    "bias_initializer": [Names("initializer"), Initializer, type, None],
    "clipnorm": [POSITIVE, None],
    "clipvalue": [POSITIVE, None],
    "global_clipnorm": [POSITIVE, None],
    "scoring": [str, callable, None],
    "callbacks": [list, tuple, Callback, None],
    "progress_bar": ["boolean"],
}  # fmt: skip

CLASSIFIER = CONSTRAINTS | {
    "loss": [Names("loss", "log_loss"), Loss, type, callable],
    "class_weight": [dict, list, StrOptions({"balanced"}), None],
}
REGRESSOR = CONSTRAINTS | {
    "loss": [Names("loss", "squared_error", "poisson"), Loss, type, callable],
    "true_gradient": ["boolean"],
}
