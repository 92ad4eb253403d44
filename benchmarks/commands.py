"""What the commands have in common: arguments, the head of a result file, the files themselves."""

import argparse
import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.report import rounded

RESULTS = Path(__file__).parent / "results"


def parser(name: str, text: str | None, contestants: Iterable[str]) -> argparse.ArgumentParser:
    """A parser with the arguments that all commands take."""
    found = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}", description=text, formatter_class=argparse.RawTextHelpFormatter
    )
    found.add_argument("--peers", type=words, help="a part of the contestants: " + ",".join(contestants))
    found.add_argument(
        "--quick", action="store_true", help="a look: fewer and shorter visits, nothing written"
    )
    found.add_argument(
        "--output",
        type=Path,
        help=f"folder for {name}.json and {name}.png (benchmarks/results; none for a part or --quick)",
    )
    return found


def words(text: str) -> list[str]:
    """The parts of a list with commas."""
    return text.split(",")


def chosen(names: Iterable[str] | None, known: Mapping[str, Any]) -> dict[str, Any]:
    """What has those names, in the order of the table; all if there are no names."""
    unknown = set(names or ()) - set(known)
    if unknown:
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return {name: value for name, value in known.items() if not names or name in names}


def head(**protocol: Any) -> dict[str, Any]:
    """What every result file begins with: date, machine, protocol, load."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine.describe(),
        "settings": machine.settings(),
        "protocol": protocol,
        "load_before": machine.load(),
    }


def save(results: Mapping[str, Any], name: str, folder: Path, draw: Callable[[Any, Path], None]) -> None:
    """Write the results as JSON and, where matplotlib is installed, the picture beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps(rounded(dict(results)), indent=1, ensure_ascii=False)
    (folder / f"{name}.json").write_text(content + "\n", encoding="utf-8")
    try:
        draw(results, folder / f"{name}.png")
    except ImportError:
        print("matplotlib: not installed, so no picture")
