"""What an examination finds: each finding with its numbers, its cause and its cure; and all together."""

import html
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mlp.errors import ArgumentError
from mlp.naming import nearest

SEVERITIES = ("serious", "moderate", "hint")  # training fails; training suffers; worth knowing
WIDTH = 100  # characters of a line of the report

# What a cause brings about, so that the report can say the cause first. Order matters: a finding that
# several explain goes to the first.
CONSEQUENCES = {
    "non_finite": ("all",),
    "nothing_learns": ("underfitting", "constant_predictions", "rate_too_low", "not_converged"),
    "constant_targets": (
        "dead_units", "vanishing_deltas", "rate_too_high", "rate_too_low", "constant_predictions",
        "underfitting", "not_converged", "overfitting",
    ),
    "wrong_output": ("rate_too_high", "underfitting", "constant_predictions", "not_converged"),
    "symmetric_units": (
        "dead_units", "underfitting", "constant_predictions", "vanishing_deltas", "not_converged",
    ),
    "strong_penalty": (
        "dead_units", "vanishing_deltas", "rate_too_low", "constant_predictions", "underfitting",
    ),
    "unscaled_columns": (
        "rate_too_high", "saturated_units", "dead_units", "vanishing_deltas", "exploding_deltas",
        "constant_predictions", "underfitting", "rate_too_low", "not_converged",
    ),
    "unscaled_targets": (
        "rate_too_high", "dead_units", "exploding_deltas", "constant_predictions", "underfitting",
        "rate_too_low", "not_converged", "overfitting",
    ),
    "exploding_deltas": ("rate_too_high", "constant_predictions", "underfitting"),
    "rate_too_high": (
        "exploding_deltas", "saturated_units", "dead_units", "vanishing_deltas", "constant_predictions",
        "underfitting", "not_converged",
    ),
    "saturated_units": (
        "vanishing_deltas", "rate_too_low", "constant_predictions", "underfitting", "not_converged",
    ),
    "dead_units": ("vanishing_deltas", "constant_predictions", "underfitting", "rate_too_low"),
    "vanishing_deltas": ("rate_too_low", "constant_predictions", "underfitting", "not_converged"),
    "imbalanced_classes": ("constant_predictions",),
    "rate_too_low": ("constant_predictions", "underfitting", "not_converged"),
    "not_converged": ("constant_predictions", "underfitting"),
    "constant_predictions": ("underfitting",),
    "validation_differs": ("overfitting",),
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing.

    Attributes
    ----------
    name : str
        For programs: "dead_units".
    severity : {"serious", "moderate", "hint"}
        The training fails by it; suffers from it; or it is worth knowing.
    where : str
        The columns, the layers, the curve.
    what : str
        The numbers that it rests on, in a sentence.
    cause, cure : str
        A sentence each.
    numbers : dict
        The numbers by name, as plain data.
    explained_by : str or None
        The name of another finding, whose consequence it is.
    """

    name: str
    severity: str
    where: str
    what: str
    cause: str
    cure: str
    numbers: dict[str, Any] = field(default_factory=dict)
    explained_by: str | None = None

    def __str__(self) -> str:
        texts = (("", self.what), ("Cause: ", self.cause), ("Cure: ", self.cure))
        lines = [f"{self.name} ({self.severity}): {self.where}"]
        return "\n".join([*lines, *(wrapped(head + text, "   ") for head, text in texts)])


class Diagnosis(Sequence[Finding]):
    """The findings of an examination, the most serious first; printed, a short report.

    Parameters
    ----------
    findings : sequence of Finding
    examined : dict of str to list of str
        What was looked at, and under which names it may be found.
    left_out : dict of str to str
        What was not, and why.
    subject : str
        The model and the rows, as the report calls them.

    Attributes
    ----------
    findings, examined, left_out, subject
        As above; consequences stand after their causes.
    healthy : bool
        Whether there is nothing but hints.

    Examples
    --------
    >>> found = Finding("dead_units", "serious", "layer 'dense'", "All are 0.", "A high rate.", "A low one.")
    >>> looks = {"units": ["dead_units"], "deltas": ["vanishing_deltas"]}
    >>> diagnosis = Diagnosis([found], looks, {}, "the model")
    >>> "dead_units" in diagnosis, diagnosis["dead_units"].severity, diagnosis.healthy
    (True, 'serious', False)
    >>> print(diagnosis)
    Diagnosis of the model: 1 serious finding.
    <BLANKLINE>
    1. dead_units (serious): layer 'dense'
       All are 0.
       Cause: A high rate.
       Cure: A low one.
    <BLANKLINE>
    In order: deltas.
    """

    def __init__(
        self,
        findings: Sequence[Finding],
        examined: dict[str, list[str]],
        left_out: dict[str, str],
        subject: str,
    ) -> None:
        self.findings = in_order(explained(findings))
        self.examined, self.left_out, self.subject = examined, left_out, subject

    @property
    def names(self) -> list[str]:
        """The names of the findings, in their order."""
        return [finding.name for finding in self.findings]

    @property
    def healthy(self) -> bool:
        """Whether there is nothing but hints."""
        return all(finding.severity == "hint" for finding in self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __contains__(self, finding: object) -> bool:
        return finding in (self.names if isinstance(finding, str) else self.findings)

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return self.findings[key]
        if key not in self.names:
            known = [name for names in self.examined.values() for name in names]
            hint = "" if key in known else nearest(key, known)
            raise ArgumentError(
                f"there is no finding {key!r}; found were {', '.join(self.names) or 'none'}.{hint}"
            )
        return self.findings[self.names.index(key)]

    # reports

    @property
    def headline(self) -> str:
        """How many findings of each kind there are, in a sentence."""
        if not self.findings:
            return f"Diagnosis of {self.subject}: all is well."
        roots = [finding for finding in self.findings if finding.explained_by is None]
        counts = [(sum(one.severity == severity for one in roots), severity) for severity in SEVERITIES]
        parts = [_counted(count, severity) for count, severity in counts if count]
        nothing = "nothing is wrong; " if self.healthy else ""
        return f"Diagnosis of {self.subject}: {nothing}{', '.join(parts)}."

    @property
    def footer(self) -> list[str]:
        """What was found in order, and what was not looked at, in sentences."""
        fine = [what for what, names in self.examined.items() if not {*names} & {*self.names}]
        lines = [f"In order: {', '.join(fine)}."] if fine else []
        left = [f"{what} ({why})" for what, why in self.left_out.items()]
        return [*lines, f"Not examined: {'; '.join(left)}."] if left else lines

    def __str__(self) -> str:
        paragraphs = [wrapped(self.headline, "")]
        roots = [finding for finding in self.findings if finding.explained_by is None]
        for number, finding in enumerate(roots, 1):
            text = f"{number}. {finding}"
            consequences = self._consequences(finding.name)
            if consequences:
                text += "\n   It explains as well:\n"
                text += "\n".join(wrapped(line, "     ", "   - ") for line in consequences)
            paragraphs.append(text)
        if self.footer:
            paragraphs.append("\n".join(wrapped(line, "") for line in self.footer))
        return "\n\n".join(paragraphs)

    def _consequences(self, name: str) -> list[str]:
        return [f"{one.name}: {one.what}" for one in self.findings if one.explained_by == name]

    def __repr__(self) -> str:
        return f"<Diagnosis: {', '.join(self.names) or 'all is well'}>"

    def _repr_html_(self) -> str:
        items = []
        for finding in self.findings:
            if finding.explained_by is not None:
                continue
            title = f"<b>{html.escape(finding.name)}</b> ({finding.severity}): {html.escape(finding.where)}"
            lines = [html.escape(finding.what), f"<i>Cause:</i> {html.escape(finding.cause)}"]
            lines += [f"<i>Cure:</i> {html.escape(finding.cure)}"]
            inner = "".join(f"<li>{html.escape(line)}</li>" for line in self._consequences(finding.name))
            lines += [f"<i>It explains as well:</i><ul>{inner}</ul>"] if inner else []
            items.append(f"<li>{'<br>'.join([title, *lines])}</li>")
        listed = f"<ol>{''.join(items)}</ol>" if items else ""
        footer = "".join(f"<p>{html.escape(line)}</p>" for line in self.footer)
        return f"<div><p><b>{html.escape(self.headline)}</b></p>{listed}{footer}</div>"


def explained(findings: Sequence[Finding]) -> list[Finding]:
    """The same findings; consequences name their cause, and a cause is as serious as its consequences."""
    by_name = {finding.name: finding for finding in findings}
    causes: dict[str, str] = {}
    order = list(CONSEQUENCES)
    if "rate_too_high" in by_name and by_name["rate_too_high"].numbers.get("by_curve"):
        order.remove("rate_too_high")  # the epochs tell that it came before the weights that now explode
        order.insert(order.index("exploding_deltas"), "rate_too_high")
    for cause in order:
        consequences = CONSEQUENCES[cause]
        if cause not in by_name or (by_name[cause].severity == "hint" and cause != "not_converged"):
            continue
        for name in by_name if consequences == ("all",) else consequences:
            if name in by_name and name not in _line(cause, causes):
                causes.setdefault(name, cause)
    roots = {name: _line(name, causes)[-1] for name in causes}
    lifted = {}
    for one in findings:
        family = [other.severity for other in findings if one.name in (other.name, roots.get(other.name))]
        lifted[one.name] = min(family, key=SEVERITIES.index)
    return [replace(one, severity=lifted[one.name], explained_by=roots.get(one.name)) for one in findings]


def _line(name: str, causes: dict[str, str]) -> list[str]:
    # a finding, its cause, the cause of that …
    line = [name]
    while line[-1] in causes and causes[line[-1]] not in line:
        line.append(causes[line[-1]])
    return line


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """The most serious first, consequences after their cause."""
    rank = {finding.name: SEVERITIES.index(finding.severity) for finding in findings}
    first = list(CONSEQUENCES)

    def key(finding: Finding) -> tuple[int, int, str, bool, int]:
        root = finding.explained_by or finding.name
        place = first.index(root) if root in first else len(first)
        return rank[root], place, root, finding.explained_by is not None, SEVERITIES.index(finding.severity)

    return sorted(findings, key=key)


def _counted(count: int, severity: str) -> str:
    what = "hint" if severity == "hint" else f"{severity} finding"
    return f"{count} {what}{'s' if count > 1 else ''}"


def wrapped(text: str, indent: str, first: str | None = None) -> str:
    """The text in lines of at most `WIDTH` characters, indented; the first by `first`, if given."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def listed(items: Sequence[str], most: int = 3) -> str:
    """The first items and how many there are besides.

    Examples
    --------
    >>> listed(["0", "1", "2", "3", "4"])
    '0, 1, 2 and 2 more'
    """
    rest = len(items) - most
    return ", ".join(items[:most]) + (f" and {rest} more" if rest > 0 else "")
