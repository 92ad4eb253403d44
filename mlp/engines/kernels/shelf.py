"""The files in which machine code is kept from one process to the next."""

import hashlib
import os
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path


def folder() -> Path:
    """Where machine code is kept: $MLP_CACHE_DIR, or "mlp" in the user's folder for such files."""
    if own := os.environ.get("MLP_CACHE_DIR"):
        return Path(own)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "mlp"


def load(name: str) -> tuple[str, bytes] | None:
    """The symbol and the machine code that are kept under a name; None if there is nothing whole."""
    try:
        content = (folder() / f"{name}.o").read_bytes()
    except (OSError, RuntimeError):  # a home that cannot be found is a RuntimeError
        return None
    digest, _, rest = content.partition(b"\n")
    if digest != hashlib.sha256(rest).hexdigest().encode():
        return None  # cut short or damaged
    symbol, _, code = rest.partition(b"\n")
    return symbol.decode(), code


def keep(name: str, symbol: str, code: bytes) -> None:
    """Keep machine code for the next process; a warning if that cannot be done."""
    rest = symbol.encode() + b"\n" + code
    try:
        place = folder()
        place.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=place)
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest)
        os.replace(temporary, place / f"{name}.o")
    except (OSError, RuntimeError) as error:
        _warn_once(str(error))


@cache
def _warn_once(error: str) -> None:
    warnings.warn(
        f"compiled code cannot be kept, so the next start compiles again: {error}. Set MLP_CACHE_DIR to a "
        "folder that can be written.",
        RuntimeWarning,
        stacklevel=2,
    )
