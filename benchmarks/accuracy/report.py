"""The figures as tables, ranks with their intervals, and a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, geometric_mean, median
from textwrap import wrap
from typing import Any

import numpy as np
from scipy.stats import bootstrap, friedmanchisquare, rankdata, studentized_range

from benchmarks.accuracy.methods import OURS, TITLES, TREES
from benchmarks.accuracy.records import Records
from benchmarks.accuracy.tables import is_classification
from benchmarks.report import figure, figures, heading, table

Means = dict[str, dict[str, float]]  # by table, by contestant
STYLES = {  # Okabe and Ito's colours and a shape for each
    "mlp": ("#D55E00", "o"),
    "mlp_td_s": ("#D55E00", "v"),
    "mlp_td": ("#D55E00", "^"),
    "linear": ("#999999", "s"),
    "sklearn_mlp": ("#0072B2", "s"),
    "histgb": ("#009E73", "D"),
    "lightgbm": ("#E69F00", "P"),
    "catboost": ("#000000", "X"),
    "realmlp_td_s": ("#CC79A7", "v"),
    "realmlp_td": ("#CC79A7", "^"),
}
PRESETS = {"mlp_td_s": "realmlp_td_s", "mlp_td": "realmlp_td"}
ALPHA, RESAMPLES = 0.05, 9999
LIMIT, SECONDS = 1.1, 30  # of the error of the best tree model, and of the default preset


def show(records: Records, sets: Sequence[str], methods: Sequence[str], picture: Path | None) -> None:
    """Print tables of errors, log-losses, ranks, ratios and times; draw the picture."""
    methods = [method for method in methods if any(r["method"] == method for r in records)]
    if not methods:
        print("nothing has been measured yet")
        return
    errors = means(records, sets, methods, "error") | means(records, sets, methods, "rmse")
    losses = means(records, sets, methods, "log_loss")
    seconds = means(records, sets, methods, "fit_seconds")
    r2 = means(records, sets, methods, "r2")
    parts = {
        "Error on the test rows": {name: row for name, row in errors.items() if is_classification(name)},
        "Log-loss": losses,
        "Root mean squared error": {name: row for name, row in errors.items() if not is_classification(name)},
        "R²": r2,
        "Seconds of a fit": seconds,
    }
    for title, part in parts.items():
        if part:
            print(f"\n{title}\n\n{grid(part, methods)}")
    for title, part in (("error", errors), ("log-loss", losses)):
        print(f"\nMean rank by {title}\n\n{ranks_text(part, methods)}")
    print(f"\n{trees_text(errors, methods)}\n{times_text(seconds)}")
    if picture is not None and seconds:
        try:
            draw(records.head, errors, seconds, methods, picture)
        except ImportError:
            print("matplotlib: not installed, so no picture")


def means(records: Records, sets: Sequence[str], methods: Sequence[str], value: str) -> Means:
    """The mean over the seeds that all contestants with results for a table have in common."""
    found: Means = {}
    for name in sets:
        by_method = {
            method: {
                r["seed"]: r[value]
                for r in records
                if r["set"] == name and r["method"] == method and value in r
            }
            for method in methods
        }
        by_method = {method: values for method, values in by_method.items() if values}
        common = set.intersection(*(set(values) for values in by_method.values())) if by_method else set()
        if common:
            found[name] = {m: fmean(values[seed] for seed in common) for m, values in by_method.items()}
    return found


def grid(part: Means, methods: Sequence[str]) -> str:
    rows = [[name, *(figure(row[m]) if m in row else "–" for m in methods)] for name, row in part.items()]
    return table(["", *(TITLES[method] for method in methods)], rows)


def ranks(part: Means, methods: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Ranks (tables × contestants) of those tables that all contestants have; equal ones share a rank."""
    names = [name for name, row in part.items() if all(method in row for method in methods)]
    values = np.array([[part[name][method] for method in methods] for name in names])
    return (rankdata(values, axis=1) if names else np.empty((0, len(methods)))), names


def interval(column: np.ndarray) -> tuple[float, float]:
    """A bootstrap interval of 95 % of the mean over tables."""
    if np.ptp(column) == 0:
        return float(column[0]), float(column[0])
    found = bootstrap(
        (column,), np.mean, n_resamples=RESAMPLES, method="percentile", rng=0
    ).confidence_interval
    return float(found.low), float(found.high)


def critical_difference(contestants: int, count: int) -> float:
    """Nemenyi's: mean ranks over so many tables that differ by less may well be equal (Demšar 2006)."""
    q = studentized_range.ppf(1 - ALPHA, contestants, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(contestants * (contestants + 1) / (6 * count)))


def ranks_text(part: Means, methods: Sequence[str]) -> str:
    found, names = ranks(part, methods)
    if len(names) < 2 or len(methods) < 3:
        return "fewer than two tables that all contestants have, or fewer than three contestants"
    rows = []
    for number in np.argsort(found.mean(axis=0), kind="stable"):
        low, high = interval(found[:, number])
        rows.append([TITLES[methods[number]], f"{found[:, number].mean():.2f}", f"{low:.2f} to {high:.2f}"])
    p = friedmanchisquare(*found.T).pvalue
    difference = critical_difference(len(methods), len(names))
    note = f"{len(names)} tables; Friedman's test p = {p:.2g}; "
    note += f"Nemenyi's critical difference (5 %) {difference:.2f}"
    return table(["", "mean rank", "95 % (bootstrap)"], rows) + "\n\n" + note


def trees_text(errors: Means, methods: Sequence[str]) -> str:
    """Of each preset: its error in units of that of the best tree model, at the worst."""
    lines = []
    for method in (m for m in (*OURS, *PRESETS.values()) if m in methods):
        ratios = {}
        for name, row in errors.items():
            trees = [row[tree] for tree in TREES if tree in row]
            if method in row and len(trees) == len(TREES) and min(trees) > 0:
                ratios[name] = row[method] / min(trees)
        if ratios:
            over = sorted((r, name) for name, r in ratios.items() if r > LIMIT)[::-1]
            said = ", ".join(f"{name} {r:.2f}" for r, name in over) or "none"
            lines.append(
                f"{TITLES[method]}: error / best tree model's, median {median(ratios.values()):.2f}, "
                f"worst {max(ratios.values()):.2f}; above {LIMIT}: {said}"
            )
    return "\n".join(lines)


def times_text(seconds: Means) -> str:
    """How many times as long pytabkit's fit takes, for the same preset; the longest of the default preset."""
    lines = []
    for own, other in PRESETS.items():
        found = {name: row[other] / row[own] for name, row in seconds.items() if own in row and other in row}
        if found:
            least = min(found, key=found.__getitem__)
            middle = median(found.values())
            lines.append(
                f"{TITLES[other]} takes {middle:.1f} times as long as {TITLES[own]} (median), "
                f"at least {found[least]:.1f} ({least})"
            )
    default = {name: row["mlp"] for name, row in seconds.items() if "mlp" in row}
    if default:
        longest = max(default, key=default.__getitem__)
        lines.append(f"{TITLES['mlp']}: at most {default[longest]:.1f} s ({longest}); the aim is {SECONDS} s")
    return "\n".join(lines)


def draw(head: Mapping[str, Any], errors: Means, seconds: Means, methods: Sequence[str], path: Path) -> None:
    """Mean rank by error, with its interval, against the time of a fit."""
    shown = [m for m in methods if any(m in row for row in seconds.values())]
    # a table on which not all were timed would move some of them along the axis, and not others
    timed = {name: row for name, row in errors.items() if seconds.get(name, {}).keys() >= set(shown)}
    found, names = ranks(timed, shown)
    if not names:
        return
    picture, axes, pyplot = figures(1, 1, (8, 5))
    for number, method in enumerate(shown):
        colour, shape = STYLES[method]
        x = geometric_mean(seconds[name][method] for name in names if method in seconds[name])
        low, high = interval(found[:, number])
        axes[0, 0].plot([x, x], [low, high], color=colour, linewidth=1.2, alpha=0.6)
        axes[0, 0].plot(x, found[:, number].mean(), shape, color=colour, markersize=10, label=TITLES[method])
    axes[0, 0].set_xscale("log")
    axes[0, 0].invert_yaxis()
    axes[0, 0].set_xlabel(f"seconds of a fit (geometric mean over {len(names)} tables)")
    axes[0, 0].set_ylabel("mean rank by error, best at the top; lines: 95 %")
    axes[0, 0].grid(color="0.9")
    axes[0, 0].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    lines = [wrapped for line in heading(head).split("\n") for wrapped in wrap(line, 140)]
    picture.suptitle("\n".join(lines), fontsize=6, color="0.4")
    picture.savefig(path, dpi=150)
    pyplot.close(picture)
