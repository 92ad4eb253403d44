"""Reports for people: how good predictions are, as a few lines of text."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from mlp.tables import Target

MOST_CLASSES = 20  # in a table of confusions; beyond, the most frequent ones are listed
WIDTH = 100  # of a report, in letters


def score_line(target: Target, scores: dict[str, float]) -> str:
    """The scores that `mlp.tabular.score` found, in one line.

    Examples
    --------
    >>> score_line(Target("y", "regression"), {"r2": 0.9, "mae": 1234.5, "rmse": 2000.0})
    'R² 0.9000, MAE 1234.5, RMSE 2000'
    """
    if target.classes:
        return f"accuracy {scores['accuracy']:.4f}"
    return f"R² {scores['r2']:.4f}, MAE {scores['mae']:.5g}, RMSE {scores['rmse']:.5g}"


def report(target: Target, scores: dict[str, float], truth: Sequence[Any], predicted: Sequence[Any]) -> str:
    """The scores with what they compare to, and for classes the table of confusions."""
    line = score_line(target, scores)
    if not target.classes:
        mean = sum(truth) / len(truth)
        deviation = sum(abs(y - mean) for y in truth) / len(truth)
        return f"{line}\n(always saying the mean, {mean:.5g}, would give R² 0, MAE {deviation:.5g})"
    right = sum(t == p for t, p in zip(truth, predicted, strict=True))
    name, count = Counter(truth).most_common(1)[0]
    usual = f"always saying {name!r} would give {count / len(truth):.4f}"
    lines = [f"{line}  ({right:,} of {len(truth):,}; {usual})"]
    strangers = sorted(set(truth) - set(target.classes))
    lines += [f"class {name!r} is unknown to the model, which is always wrong there" for name in strangers]
    names = [*target.classes, *strangers]
    show = confusion_table if len(names) <= MOST_CLASSES else confusion_list
    return "\n".join([*lines, "", show(truth, predicted, names)])


def confusion_table(truth: Sequence[str], predicted: Sequence[str], names: Sequence[str]) -> str:
    """A row for each true class, a column for each predicted one; 0 is a dot.

    Examples
    --------
    >>> print(confusion_table(["no", "no", "yes"], ["no", "yes", "yes"], ["no", "yes"]))
    true ↓ predicted →   no  yes
    no                    1    1
    yes                   .    1
    """
    from sklearn.metrics import confusion_matrix

    counts = confusion_matrix(truth, predicted, labels=list(names))
    corner = "true ↓ predicted →"
    left = max(len(corner), min(max(map(len, names)), 30))
    most = max((WIDTH - left) // len(names) - 2, 4)
    widths = [max(min(len(name), most), len(str(counts.max())), 3) for name in names]

    def line(head: str, cells: Sequence[str]) -> str:
        cut = [f"  {_cut(cell, width):>{width}}" for cell, width in zip(cells, widths, strict=True)]
        return f"{_cut(head, left):<{left}}" + "".join(cut)

    rows = [line(name, [str(n) if n else "." for n in row]) for name, row in zip(names, counts, strict=True)]
    return "\n".join([line(corner, names), *rows])


def confusion_list(truth: Sequence[str], predicted: Sequence[str], names: Sequence[str]) -> str:
    """The ten most frequent confusions, for many classes.

    Examples
    --------
    >>> print(confusion_list(["a", "a", "b"], ["b", "b", "b"], ["a", "b"]))
    most frequent confusions (of 2 classes):
         2 × 'a' taken for 'b'
    """
    pairs = Counter((t, p) for t, p in zip(truth, predicted, strict=True) if t != p)
    lines = [f"{count:>6} × {t!r} taken for {p!r}" for (t, p), count in pairs.most_common(10)]
    return "\n".join([f"most frequent confusions (of {len(names)} classes):", *(lines or ["  none"])])


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
