"""The zip archive that a Keras file is: three members, none larger than the archive can rightly hold."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

from mlp.errors import ArgumentError

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
KERAS = "3.15.1"  # the version whose form is written
MOST_MEMBERS = 1000
MOST_ITEMS = 2**20  # of lists and dicts in the JSON text: as objects they take far more than their text
SLACK = 1 << 20  # bytes that members may unpack to in any case
PACKED = 2  # how many times the archive's bytes they may be, else


def as_text(config: Mapping[str, Any]) -> str:
    """The description of a model as JSON; an `ArgumentError` if something in it has no form there."""
    try:
        return json.dumps(config)
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentError(f"the model cannot be written as data: {error}") from error


def write(file: BinaryIO, config: str, weights: memoryview) -> None:
    """Write a Keras file.

    Parameters
    ----------
    file : binary file
    config : str
        The description of the model.
    weights : memoryview
        The HDF5 file.
    """
    saved = {"keras_version": KERAS, "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S")}
    members: dict[str, Any] = {METADATA: json.dumps(saved), CONFIG: config, WEIGHTS: weights}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def read(file: BinaryIO) -> tuple[Any, bytes]:
    """The description of the model and the HDF5 file in a Keras file.

    Raises
    ------
    ArgumentError
        If a member is missing, comes twice, or unpacks to much more than it should.
    """
    size = file.seek(0, io.SEEK_END)
    try:
        with zipfile.ZipFile(file) as archive:
            members = _members(archive, size)
            found = {name: _content(archive, members[name]) for name in (CONFIG, WEIGHTS)}
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, ValueError, OSError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(f"the archive is damaged: {error}") from error
    return load_json(found[CONFIG]), found[WEIGHTS]


def load_json(content: bytes | str, name: str = CONFIG) -> Any:
    """The data of a JSON text; an `ArgumentError` if it is none, or nothing but brackets."""
    text = content.encode() if isinstance(content, str) else content
    if sum(map(text.count, (b"[", b"{", b","))) > MOST_ITEMS:
        raise ArgumentError(f"{name} has more than {MOST_ITEMS} items")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"{name} is not JSON that can be read: {error}") from error


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    entries = archive.infolist()
    members = {entry.filename: entry for entry in entries}
    if len(entries) > MOST_MEMBERS or len(members) != len(entries):
        raise ArgumentError("the archive has a member twice, or too many")
    missing = [name for name in (METADATA, CONFIG, WEIGHTS) if name not in members]
    if missing:
        raise ArgumentError(f"the archive has no {' and no '.join(missing)}")
    wanted = [members[CONFIG], members[WEIGHTS]]
    unpacked = sum(entry.file_size for entry in wanted)
    if unpacked > max(SLACK, PACKED * size):
        raise ArgumentError(f"its members say that they unpack to {unpacked} bytes, from {size}")
    for entry in wanted:
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or entry.flag_bits & 1:
            raise ArgumentError(f"{entry.filename} is encrypted, or packed in a way that Keras does not use")
    return members


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as member:
        content = member.read(entry.file_size)
        if len(content) != entry.file_size or member.read(1):
            raise ArgumentError(f"{entry.filename} has another length than the archive says")
    return content
