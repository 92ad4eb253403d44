"""What a model answers, as numbers that a picture can show: probabilities, scores, classes or outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mlp import activations
from mlp.arrays import Array
from mlp.errors import ArgumentError
from mlp.losses import Masked
from mlp.losses.hinges import CategoricalHinge, Hinge, SquaredHinge
from mlp.naming import is_integer, require, require_one_of
from mlp.plots import style

METHODS = ("auto", "predict_proba", "decision_function", "predict")


class Answers:
    """A `Sequential`, an estimator or a pipeline, asked in one way.

    Parameters
    ----------
    model : Sequential or fitted estimator
    response : {"auto", "predict_proba", "decision_function", "predict"}, default "auto"
        As in scikit-learn's `DecisionBoundaryDisplay`. "auto" takes probabilities where there are any.
    classes : sequence of str, optional
        Names of the classes.
    output : int, optional
        The one output, or the one class by its place, that is asked for.

    Attributes
    ----------
    labels : list or None
        The classes as they stand in y; None for a regression.
    names : list of str
        The same as a reader wants them.
    what : str
        What the numbers are, for an axis: "probability of class 1".
    middle : float or None
        Where the answer turns from one class to the other.
    bounds : (float, float) or None
        Between which the numbers lie, whatever the inputs.
    """

    def __init__(
        self,
        model: Any,
        response: str = "auto",
        classes: Sequence[str] | None = None,
        output: int | None = None,
    ) -> None:
        require_one_of("response", response, METHODS)
        self.model, self.output = model, output
        is_network = hasattr(model, "as_inputs") and hasattr(model, "layers")
        ask, self.labels, self.method = (_network if is_network else _estimator)(model, response)
        self.ask: Callable[[Any], Array] = ask
        self.names: list[str] = []
        if self.labels is not None:
            shown = style.names_of(classes, len(self.labels), "classes", "")
            self.names = shown if classes is not None else [f"class {label}" for label in self.labels]
        else:
            require(classes is None, "classes", classes, "left out: the model answers with numbers")
        count = len(self.labels) if self.labels is not None else 1
        known = output is None or (is_integer(output) and output >= 0)
        require(known, "output", output, "the number of an output, from 0")
        require(self.labels is None or output is None or output < count, "output", output, f"below {count}")
        self._describe(count)

    def _describe(self, count: int) -> None:
        self.several = count > 2 and self.output is None
        self.what, self.middle, self.bounds = "output", None, None
        if self.labels is None:
            self.what = "output" if self.output is None else f"output {self.output}"
            return
        name = self.names[1 if self.output is None and count == 2 else self.output or 0]
        kind = {"predict_proba": "probability of", "decision_function": "score of", "predict": "answer"}
        self.what = f"{kind[self.method]} {name}"
        self.middle, self.bounds = 0.5, (0.0, 1.0)
        if self.method == "decision_function":
            self.middle, self.bounds = 0.0, None

    def __call__(self, X: Any) -> Array:
        """Ask: an array of shape (n,), or (n, k) for k classes that are shown beside each other."""
        out = answered(np.asarray(self.ask(X)))
        if out.ndim == 1:
            out = out[:, None]
        if self.labels is None or self.method != "predict":
            out = out.astype(np.float64)
        if self.labels is not None:
            count = len(self.labels)
            if self.method == "predict":
                out = np.eye(count)[self.places(out[:, 0])]
            elif out.shape[1] == 1:
                out = np.hstack([1 - out if self.method == "predict_proba" else -out, out])
            column = self.output if self.output is not None else 1 if count == 2 else None
            return out if column is None else out[:, column]
        if self.output is None and out.shape[1] > 1:
            raise ArgumentError(f"the model has {out.shape[1]} outputs: choose the one to draw by output=")
        column = self.output or 0
        require(column < out.shape[1], "output", column, f"below {out.shape[1]}, the number of outputs")
        return out[:, column]

    def places(self, y: Any) -> Array:
        """The number of the class for each label."""
        assert self.labels is not None
        where = {label: k for k, label in enumerate(self.labels)}
        try:
            return np.array([where[label] for label in np.asarray(y).tolist()], np.intp)
        except KeyError as error:
            raise ArgumentError(f"y has the label {error.args[0]!r}; the classes are {self.labels}") from None

    def targets(self, y: Any, rows: int) -> Array:
        """The targets as numbers of classes, or as those of the one output that is drawn; shape (n,)."""
        T = np.asarray(y)
        fits = T.ndim in (1, 2) and len(T) == rows
        require(fits, "y", f"shape {T.shape}", f"{rows} targets, one a row of X")
        if T.ndim == 2 and T.shape[1] == 1:
            T = T[:, 0]
        if self.labels is not None:
            if T.ndim == 2:
                fits = T.shape[1] == len(self.labels)
                require(fits, "y", f"shape {T.shape}", f"labels, or {len(self.labels)} columns")
                places: Array = T.argmax(axis=1)
                return places
            return self.places(T)
        return (T if T.ndim == 1 else T[:, self.output or 0]).astype(np.float64)


def answered(out: Array, whole: bool = False) -> Array:
    """The answers as they are, or an error if none of them is finite; with `whole` if one is not."""
    finite = np.isfinite(out) if out.dtype.kind == "f" else np.ones(1, bool)
    if not (finite.all() if whole else finite.any()):
        raise ArgumentError(
            f"{(~finite).sum():,} of the {out.size:,} answers of the model are NaN or infinite: its weights "
            "have diverged, or its inputs are too large. Train it anew with a lower learning rate"
        )
    return out


def _network(model: Any, response: str) -> tuple[Callable[[Any], Array], list[Any] | None, str]:
    """How to ask a `Sequential`: a function of X, the classes, and the method."""
    loss = model.loss if model.compiled else None
    loss = loss.loss if isinstance(loss, Masked) else loss
    units, activation = model.layers[-1].output_shape[-1], model.layers[-1].activation
    logits = bool(getattr(loss, "from_logits", False))
    margin = isinstance(loss, Hinge | SquaredHinge | CategoricalHinge) and not activation.probabilities
    if not (activation.probabilities or logits or margin):
        fits = response in ("auto", "predict")
        hint = '"auto" or "predict": the outputs are neither probabilities nor scores'
        require(fits, "response", response, hint)
        return model.predict, None, "predict"
    labels: list[Any] = [-1, 1] if margin and units == 1 else list(range(max(units, 2)))
    squash = activations.get("sigmoid" if units == 1 else "softmax")

    def scores(X: Any) -> Array:
        return answered(model.predict(X))

    def probabilities(X: Any) -> Array:
        out = scores(X)
        return squash(out) if logits else out

    def answers(X: Any) -> Array:
        out = scores(X)
        above = out[:, 0] > (0.0 if logits or margin else 0.5)
        places = above.astype(np.intp) if units == 1 else out.argmax(axis=1)
        found: Array = np.asarray(labels)[places]
        return found

    if response == "predict":
        return answers, labels, response
    possible = response != "predict_proba" or not margin
    require(possible, "response", response, '"decision_function" with a hinge loss')
    if response == "decision_function" or margin:
        require(logits or margin, "response", response, '"predict_proba": the outputs are probabilities')
        return scores, labels, "decision_function"
    return probabilities, labels, "predict_proba"


def _estimator(model: Any, response: str) -> tuple[Callable[[Any], Array], list[Any] | None, str]:
    """How to ask an estimator or a pipeline of scikit-learn's kind."""
    if not hasattr(model, "predict"):
        raise ArgumentError(f"model must be a Sequential or a fitted estimator; got {type(model).__name__}")
    from sklearn.base import is_classifier
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(model)
    labels = list(np.asarray(model.classes_).tolist()) if is_classifier(model) else None
    if labels is None:
        require(response in ("auto", "predict"), "response", response, '"auto" or "predict" for a regression')
        return model.predict, None, "predict"
    methods = METHODS[1:] if response == "auto" else (response,)
    method = next((name for name in methods if hasattr(model, name)), None)
    if method is None:
        raise ArgumentError(f"{type(model).__name__} has no method {response!r}")
    ask: Callable[[Any], Array] = getattr(model, method)
    return ask, labels, method
