"""The folder of a search, in which is what need not be done again; and what it has found, as one file."""

import hashlib
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from mlp import files
from mlp.arrays import Array
from mlp.errors import ArgumentError, ModelFileError
from mlp.naming import is_integer, require
from mlp.tabular import storing
from mlp.tabular.base import BaseTabular
from mlp.tabular.recipe import Recipe

NAME = "search.json"
KEY = "search"
NOTES = ("estimator_weights_", "oof_predictions_", "best_score_", "results_")


def fingerprint(*arrays: Array | None) -> str:
    """What arrays hold, as a short text: others have another one."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(b"none" if array is None else f"{array.dtype} {array.shape} ".encode())
        if array is not None:
            found.update(array.tobytes())
    return found.hexdigest()[:32]


class Folder:
    """What has been tried, a file for each recipe; that is written whole or not at all.

    Parameters
    ----------
    path : path
        It is made if there is none.
    settings : mapping of str to str or int
        What has to be the same for scores to be so: the data, the seed …

    Raises
    ------
    ArgumentError
        If the folder holds a search of other data, or with other settings.
    ModelFileError
        If the system refuses, or a file in it is damaged.
    """

    def __init__(self, path: str | os.PathLike[str], settings: Mapping[str, Any]) -> None:
        self.path, self.lock = os.fsdecode(path), threading.Lock()
        try:
            os.makedirs(self.path, exist_ok=True)
        except OSError as error:
            raise ModelFileError(f"folder {self.path!r} cannot be made: {files.reason(error)}") from error
        place = os.path.join(self.path, NAME)
        before = _read(place)
        if before is None:
            self._write(place, dict(settings))
            return
        other = [name for name, value in settings.items() if before.get(name) != value]
        if other:
            raise ArgumentError(
                f"folder {self.path!r} holds a search with another {' and '.join(other)}: give another "
                "folder, or delete that one to begin anew"
            )

    @staticmethod
    def seed_of(path: str | os.PathLike[str]) -> int | None:
        """The seed of the search that a folder holds, if it holds one."""
        before = _read(os.path.join(os.fsdecode(path), NAME))
        seed = None if before is None else before.get("seed")
        return seed if is_integer(seed) else None

    def file(self, recipe: Recipe) -> str:
        """Where the estimator of a recipe is, or would be."""
        return self._place(recipe) + ".mlp"

    def _place(self, recipe: Recipe) -> str:
        text = json.dumps(asdict(recipe), sort_keys=True, default=repr)
        return os.path.join(self.path, hashlib.sha256(text.encode()).hexdigest()[:20])

    def find(self, recipe: Recipe, like: BaseTabular | None = None) -> tuple[float, float, Any] | None:
        """The score of a recipe, the seconds that it took, and its estimator; None if it is not finished.

        Parameters
        ----------
        recipe : Recipe
        like : BaseTabular, optional
            One with the parameters of that which is wanted; by default there is none.

        Raises
        ------
        ModelFileError
            If a file of it is damaged.
        """
        place = self._place(recipe) + ".json"
        known = _read(place)
        if known is None:
            return None
        score, seconds = known.get("score"), known.get("seconds")
        score = -float("inf") if score is None else score
        if not (isinstance(score, float) and isinstance(seconds, float)):
            raise ModelFileError(f"{place} is damaged: delete it, and its recipe is tried once more")
        if like is None:
            return score, seconds, None
        try:
            estimator = storing.restore(self.file(recipe), {type(like).__name__: type(like)})
        except FileNotFoundError:  # it was on a lower rung
            return None
        return score, seconds, estimator.set_params(**like.get_params(deep=False))

    def keep(self, recipe: Recipe, score: float, seconds: float, estimator: Any = None) -> None:
        """Note that a recipe is finished, after its estimator is written."""
        noted = {
            "score": score if score > -float("inf") else None,
            "seconds": seconds,
            "recipe": asdict(recipe),
        }
        with self.lock:
            if estimator is not None:
                estimator.save(self.file(recipe))
            self._write(self._place(recipe) + ".json", noted)

    def _write(self, place: str, content: Mapping[str, Any]) -> None:
        text = json.dumps(content, indent=1, default=repr).encode()
        files.write_atomically(place, lambda file: file.write(text))


def _read(place: str) -> dict[str, Any] | None:
    try:
        with open(place, "rb") as file:
            content = json.load(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFileError(
            f"{place} cannot be read: {files.reason(error)}; delete it if it is damaged"
        ) from error
    if not isinstance(content, dict):
        raise ModelFileError(f"{place} is damaged: it is no description by names")
    return content


# a search that is over, as one file: that of its best estimator, and the others beside it


def save(search: Any, path: str | os.PathLike[str]) -> None:
    """Write what a search has found; see `BaseTabularSearch.save`."""
    kept = {
        "class": type(search).__name__,
        "parameters": storing.plain_parameters(search),
        "estimators": [storing.describe_estimator(each) for each in search.estimators_],
        "notes": {name: getattr(search, name) for name in NOTES},
    }
    storing.save(search.best_estimator_, path, beside={KEY: kept})


def restore(
    path: str | os.PathLike[str], kinds: dict[str, type[BaseTabular]], searches: dict[str, type[Any]]
) -> Any:
    """Read what the `save` of an estimator or of a search wrote; see `mlp.tabular.load`."""
    extra = storing.read(path)
    best = storing.revive_estimator(extra[storing.KEY], path, kinds)
    kept = extra.get(KEY)
    if kept is None:
        return best
    try:
        made = searches[kept["class"]](**kept["parameters"])
        estimators = [storing.revive_estimator(each, path, kinds) for each in kept["estimators"]]
        notes = {name: kept["notes"][name] for name in NOTES}
        shares, columns = notes["estimator_weights_"], best.target_.columns
        right = isinstance(shares, np.ndarray) and shares.shape == (len(estimators),) and len(shares) > 0
        require(right, "estimator_weights_", shares, f"{len(estimators)} shares")
        same = all(
            type(each) is made._kind and each.target_.columns == columns for each in (best, *estimators)
        )
        require(same, "estimators", kept["class"], "estimators of the search's kind, for one target")
        vars(made).update(notes)
        made._note_estimators(best, estimators)
    except ModelFileError:
        raise
    except Exception as error:  # a file can hold anything: whatever goes wrong is its fault
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise ModelFileError(f"{path} is not a search that can be rebuilt: {reason}") from error
    return made
