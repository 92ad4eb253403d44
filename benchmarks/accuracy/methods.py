"""The contestants: each with its defaults, and with its numbers and categories as its documentation asks."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

Make = Callable[[bool, int, pd.DataFrame], Any]
Prepare = Callable[[pd.DataFrame, pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]]


def as_it_is(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return train, test


def medians(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Missing numbers become medians, which RealMLP leaves to its user."""
    middle = train.select_dtypes("number").median()
    return train.fillna(middle), test.fillna(middle)


def texts(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Categories become texts, and what is missing one of them, as CatBoost has it."""
    kinds = train.select_dtypes("category").columns
    filled = [
        frame.astype(dict.fromkeys(kinds, object)).fillna(dict.fromkeys(kinds, "missing"))
        for frame in (train, test)
    ]
    return filled[0], filled[1]


def in_pipeline(estimator: Any) -> Any:
    """Numbers filled in and standardised, categories one-hot; then the estimator."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    kinds = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (kinds, make_column_selector(dtype_include="category")),
    )
    return make_pipeline(columns, estimator)


def linear(classes: bool, seed: int, X: pd.DataFrame) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    return in_pipeline(LogisticRegression(max_iter=1000) if classes else Ridge())


def sklearn_mlp(classes: bool, seed: int, X: pd.DataFrame) -> Any:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    if classes:
        return in_pipeline(MLPClassifier(random_state=seed))
    regressor = in_pipeline(MLPRegressor(random_state=seed))  # of a target that is not standardised it
    return TransformedTargetRegressor(
        regressor, transformer=StandardScaler()
    )  # learns little more than the mean


def hist_gradient_boosting(classes: bool, seed: int, X: pd.DataFrame) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    return (HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor)(random_state=seed)


def light_gbm(classes: bool, seed: int, X: pd.DataFrame) -> Any:
    import lightgbm

    return (lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor)(random_state=seed, verbose=-1)


def cat_boost(classes: bool, seed: int, X: pd.DataFrame) -> Any:
    import catboost

    kinds = list(X.select_dtypes(exclude="number").columns)
    options = dict(random_seed=seed, verbose=0, allow_writing_files=False, cat_features=kinds)
    return (catboost.CatBoostClassifier if classes else catboost.CatBoostRegressor)(**options)


def realmlp(form: str) -> Make:
    def make(classes: bool, seed: int, X: pd.DataFrame) -> Any:
        import pytabkit

        cls = getattr(pytabkit, f"RealMLP_{form}_{'Classifier' if classes else 'Regressor'}")
        return cls(device="cpu", random_state=seed, verbosity=0)

    return make


def ours(preset: str) -> Make:
    def make(classes: bool, seed: int, X: pd.DataFrame) -> Any:
        import mlp

        cls = mlp.TabularClassifier if classes else mlp.TabularRegressor
        return cls(preset=preset, random_state=seed)

    return make


@dataclass(frozen=True)
class Method:
    """A contestant: its title, the process that it shares with others, how it is made and given its data."""

    title: str
    process: str
    make: Make
    prepare: Prepare = as_it_is


METHODS = {
    "mlp": Method("mlp, auto", "mlp", ours("auto")),
    "mlp_td_s": Method("mlp, td-s", "mlp", ours("td-s")),
    "mlp_td": Method("mlp, td", "mlp", ours("td")),
    "linear": Method("linear", "sklearn", linear),
    "sklearn_mlp": Method("sklearn MLP", "sklearn", sklearn_mlp),
    "histgb": Method("HistGB", "sklearn", hist_gradient_boosting),
    "lightgbm": Method("LightGBM", "lightgbm", light_gbm),
    "catboost": Method("CatBoost", "catboost", cat_boost, texts),
    "realmlp_td_s": Method("RealMLP TD-S", "pytabkit", realmlp("TD_S"), medians),
    "realmlp_td": Method("RealMLP TD", "pytabkit", realmlp("TD"), medians),
}
TREES = ("histgb", "lightgbm", "catboost")
OURS = ("mlp", "mlp_td_s", "mlp_td")
TITLES = {name: method.title for name, method in METHODS.items()}
SMALLEST = float(np.finfo(np.float32).eps)  # probabilities are cut off here: some are given in float32


def quiet() -> None:
    """Keep what libraries say off the screen."""
    import logging

    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)


def scores(classes: bool, answer: Any, y: np.ndarray) -> dict[str, float]:
    """Error and log-loss of probabilities, or root mean squared error and R² of numbers."""
    answer = np.asarray(answer, np.float64)
    if not classes:
        squared = float(np.mean((answer.reshape(-1) - y) ** 2))
        return {"rmse": squared**0.5, "r2": 1 - squared / float(np.var(y))}
    P = np.clip(answer, SMALLEST, 1)
    P /= P.sum(axis=1, keepdims=True)
    own = P[np.arange(len(y)), y]
    return {"error": float(np.mean(answer.argmax(axis=1) != y)), "log_loss": float(-np.log(own).mean())}
