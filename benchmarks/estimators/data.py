"""The data sets of the benchmark, as a user of scikit-learn has them: float64, scaled, labels as they are."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn import datasets
from sklearn.preprocessing import StandardScaler

from benchmarks.cells import Array

Data = tuple[Any, Array]


def scaled(load: Callable[..., Data]) -> Data:
    """A data set of scikit-learn, its columns standardised."""
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def table() -> Data:
    """20,000 × 16 and 26 classes: whole numbers from 0 to 15 around a centre for each class, standardised."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 26, 20_000)
    centres = rng.uniform(3, 12, (26, 16))
    X = np.clip(np.rint(centres[y] + rng.normal(0, 2, (len(y), 16))), 0, 15)
    return StandardScaler().fit_transform(X), y


def regression() -> Data:
    """50,000 × 20: Friedman's function of the first five columns, with noise, standardised."""
    rng = np.random.default_rng(1)
    X = rng.random((50_000, 20))
    y = 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2 + 10 * X[:, 3] + 5 * X[:, 4]
    y += rng.normal(size=len(y))
    return (X - 0.5) * 12**0.5, (y - y.mean()) / y.std()


def diabetes() -> Data:
    """scikit-learn's, inputs and target standardised."""
    X, y = scaled(datasets.load_diabetes)
    return X, (y - y.mean()) / y.std()


def text(rows: int = 10_000, words: int = 5_000) -> Data:
    """Documents of 20 topics as tf-idf in CSR: lengths log-normal, frequencies of words by Zipf's law.

    Three words in ten are from the topic's own part of the vocabulary. Frequent
    ones stand in a document several times; about 110 columns of a row are filled.
    """
    rng = np.random.default_rng(2)
    y = rng.integers(0, 20, rows)
    lengths = np.clip(rng.lognormal(np.log(100), 0.8, rows), 5, 2000).astype(int)
    share = np.cumsum(1 / (np.arange(words) + 2.7))
    drawn = np.searchsorted(share / share[-1], rng.random(lengths.sum()))
    document = np.repeat(np.arange(rows), lengths)
    own = rng.random(len(drawn)) < 0.3
    drawn[own] = (drawn[own] + (y[document[own]] + 1) * (words // 21)) % words
    counts = csr_matrix((np.ones(len(drawn)), (document, drawn)), (rows, words))
    counts.sum_duplicates()
    idf = np.log((1 + rows) / (1 + np.bincount(counts.indices, minlength=words))) + 1
    counts.data = (1 + np.log(counts.data)) * idf[counts.indices]
    norms = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    counts.data /= np.repeat(norms, np.diff(counts.indptr))
    return counts, y


DATA: dict[str, Callable[[], Data]] = {
    "digits": lambda: scaled(datasets.load_digits),
    "cancer": lambda: scaled(datasets.load_breast_cancer),
    "wine": lambda: scaled(datasets.load_wine),
    "table": table,
    "text": text,
    "regression": regression,
    "diabetes": diabetes,
}
TITLES = {
    "digits": "digits, 1,797 × 64",
    "cancer": "breast cancer, 569 × 30",
    "wine": "wine, 178 × 13",
    "table": "table, 20,000 × 16, 26 classes",
    "text": "sparse text, 10,000 × 5,000",
    "regression": "regression, 50,000 × 20",
    "diabetes": "diabetes, 442 × 10",
}
REGRESSIONS = ("regression", "diabetes")
