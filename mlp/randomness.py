"""Where generators come from: a seed, `utils.set_random_seed`, or the operating system.

Randomness is an argument in this package: whoever draws is handed a `numpy.random.Generator`.
This is the one place that makes them, and NumPy's random module is loaded at the first.
"""

from __future__ import annotations  # so that np.random is not loaded for a signature

import threading

import numpy as np

from mlp.naming import is_integer, require

_LOCK = threading.Lock()
_SOURCE: list[np.random.SeedSequence] = []  # empty until `seed_all`


def check_seed(seed: int | None) -> int | None:
    """The seed, if it is None or an integer of at least 0."""
    require(seed is None or (is_integer(seed) and seed >= 0), "seed", seed, "an integer of at least 0")
    return seed


def new_generator(seed: int | None = None) -> np.random.Generator:
    """A generator from the seed; the same seed gives the same numbers.

    Without one it is spawned from the seed of `seed_all`, the k-th generator after that call
    always being the same; and if there was no such call, every generator is different.
    """
    check_seed(seed)
    if seed is None:
        with _LOCK:
            if _SOURCE:
                return np.random.default_rng(_SOURCE[0].spawn(1)[0])
    return np.random.default_rng(seed)


def seed_all(seed: int | None) -> None:
    """From now on spawn generators from this seed; None ends that."""
    check_seed(seed)
    with _LOCK:
        _SOURCE[:] = [] if seed is None else [np.random.SeedSequence(seed)]
