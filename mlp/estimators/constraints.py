"""What the parameters of the estimators may be: scikit-learn's table, and our additions to it.

`fit` holds them against it and says, in scikit-learn's words, what was expected and what came.
"""

from inspect import signature
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, InvalidParameterError, Options, StrOptions

from mlp.activations import Activation
from mlp.callbacks import Callback
from mlp.initializers import Initializer
from mlp.losses import Loss
from mlp.naming import CATALOGUES, key_of, nearest
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

    def known(self) -> list[str]:
        """All these names."""
        return [*sorted(self.options), *CATALOGUES[self.kind].names()]

    def is_satisfied_by(self, val: Any) -> bool:
        """Whether it is one of these names."""
        if not isinstance(val, str):
            return False
        return val in self.options or key_of(val) in map(key_of, CATALOGUES[self.kind].names())

    def __str__(self) -> str:
        theirs = f"{super().__str__()} or of " if self.options else "a str among "
        return f"{theirs}mlp.utils.names({self.kind!r})"


def advised(estimator: Any, error: InvalidParameterError) -> InvalidParameterError:
    """The same complaint of a parameter, and after it what may have been meant."""
    name = str(error).split("'")[1]
    value = getattr(estimator, name)
    advice = ""
    if isinstance(value, str):
        options = [
            choice for choice in estimator._parameter_constraints[name] if isinstance(choice, StrOptions)
        ]
        known = [
            choice.known() if isinstance(choice, Names) else sorted(choice.options) for choice in options
        ]
        advice = nearest(value, [text for texts in known for text in texts])
    elif name == "learning_rate" and isinstance(value, Real):
        advice = " A number is given by learning_rate_init."
    elif name == "loss" and next(iter(signature(type(estimator)).parameters)) == name:
        advice = " As in scikit-learn, loss comes first: give hidden_layer_sizes by name."
    return InvalidParameterError(f"{error}{advice}")


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
    "alpha_scaling": [StrOptions({"batch", "data"})],
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
