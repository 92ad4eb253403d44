"""The HDF5 files in which Keras keeps weights: numbered datasets in groups, ``layers/dense/vars/0``.

They are written by h5py. They are read by the few structures of the format that h5py writes for Keras:
groups as trees of names, and datasets that lie in the file as they are. h5py would read more, but the
library under it, which is in C, can be made to search in a circle for ever by a file in which a byte is
wrong; here no structure is visited twice, and nothing is looked for outside the file.

References
----------
"HDF5 File Format Specification", version 3.0, sections II.A.1, III.A.1, III.B to III.D and IV.A.1: what
it calls version 0 or 1 of the superblock and version 1 of the others.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mlp.arrays import Array
from mlp.errors import ArgumentError, MissingPackageError
from mlp.files import HDF5

DATASPACE, LINK_INFO, DATATYPE, LINK, EXTERNAL, LAYOUT = 0x01, 0x02, 0x03, 0x06, 0x07, 0x08
FILTERS, CONTINUATION, SYMBOLS = 0x0B, 0x10, 0x11  # kinds of messages of an object
REFUSED = {LINK_INFO: "links", LINK: "a link", EXTERNAL: "data in other files", FILTERS: "compressed data"}
LONGEST = 1000  # bytes of a name
COMPACT, CONTIGUOUS = 0, 1  # ways of lying in the file
FLOATS = {  # by their bytes: bits in all, place and bits of the exponent, those of the fraction, the bias
    2: (0, 16, 10, 5, 0, 10, 15),
    4: (0, 32, 23, 8, 0, 23, 127),
    8: (0, 64, 52, 11, 0, 52, 1023),
}
Messages = dict[int, bytes]


def to_bytes(groups: Mapping[str, tuple[str, Sequence[Array]]]) -> memoryview:
    """The bytes of a file.

    Parameters
    ----------
    groups : mapping
        By the path of each group, the name that Keras notes in it and its arrays.

    Raises
    ------
    MissingPackageError
        If h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise MissingPackageError("writing Keras's files needs h5py: pip install 'mlp[keras]'") from error
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=("earliest", "v108")) as file:
        for path, (name, arrays) in groups.items():
            group = file.create_group(f"{path}/vars" if path else "vars")
            group.attrs["name"] = name
            for k, array in enumerate(arrays):
                group.create_dataset(str(k), data=array)
    return buffer.getbuffer()


class Weights:
    """The datasets of a file.

    Parameters
    ----------
    content : bytes
        The whole file.

    Raises
    ------
    ArgumentError
        If it is no HDF5 file, or has something that Keras does not write.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.left = len(content)  # bytes that datasets may have in all: none is there twice
        self.steps = len(content) // 8  # entries, which have more bytes each: none is there twice either
        self.seen: set[int] = set()  # addresses of structures
        self.groups: dict[str, dict[str, int]] = {}  # by path: of what is in a group, the address
        version, sizes = content[8:9], content[13:15]
        if not content.startswith(HDF5) or version not in (b"\0", b"\1") or sizes != b"\x08\x08":
            raise ArgumentError("it is not an HDF5 file of the form that Keras writes")
        start = 24 + 4 * version[0]
        base, _, end, _ = self._unpack("<4Q", start)
        if base or end > len(content):
            raise ArgumentError(f"the file is cut off: it has {len(content)} bytes of {base + end}")
        self.groups[""] = self._names(
            self._messages(self._unpack("<2Q", start + 32)[1], "the root"), "the root"
        )

    def names(self, path: str) -> list[str]:
        """The names in a group; none if there is no such group."""
        return list(self._group(path) or ())

    def arrays(self, path: str) -> list[Array]:
        """The arrays of the group ``path``, in the order of their numbers; none if there is no such group."""
        inside = self._group(f"{path}/vars") or {}
        numbers = [str(k) for k in range(len(inside))]
        if numbers and set(numbers) != inside.keys():
            raise ArgumentError(f"{path}/vars should have arrays by the numbers from 0 on")
        return [self._read(inside[number], f"{path}/vars/{number}") for number in numbers]

    def _group(self, path: str) -> dict[str, int] | None:
        if path not in self.groups:
            above, _, name = path.rpartition("/")
            address = (self._group(above) or {}).get(name)
            if address is None:
                return None
            self.groups[path] = self._names(self._messages(address, path), path)
        return self.groups[path]

    # structures

    def _unpack(self, form: str, at: int) -> tuple[Any, ...]:
        try:
            return struct.unpack_from(form, self.content, at)
        except (struct.error, OverflowError) as error:
            raise ArgumentError(f"the file has nothing at {at}, where something should be") from error

    def _visit(self, address: int, entries: int = 0) -> None:
        self.steps -= entries
        if address in self.seen or self.steps < 0:
            raise ArgumentError(f"what stands at {address} is used twice")
        self.seen.add(address)

    def _messages(self, address: int, path: str) -> Messages:
        """The messages that describe an object, by their kinds."""
        version, count, size = self._unpack("<BxH4xI", address)
        if version != 1:
            raise ArgumentError(f"{path} is described in version {version}, which Keras does not write")
        found: Messages = {}
        blocks = [(address + 16, size)]
        for start, length in blocks:
            self._visit(start, length // 8)
            at, stop = start, start + length
            while at + 8 <= stop and count:
                kind, size = self._unpack("<2H", at)
                content = self.content[at + 8 : at + 8 + size]
                if len(content) != size or at + 8 + size > stop:
                    raise ArgumentError(f"the description of {path} is cut off")
                if kind == CONTINUATION:
                    blocks.append(self._unpack("<2Q", at + 8))
                elif kind in REFUSED:
                    raise ArgumentError(f"{path} has {REFUSED[kind]}, which Keras does not write")
                found[kind] = content
                at, count = at + 8 + size, count - 1
        return found

    def _names(self, messages: Messages, path: str) -> dict[str, int]:
        """What is in a group: addresses by names."""
        if len(messages.get(SYMBOLS, b"")) != 16:
            raise ArgumentError(f"{path} should be a group")
        tree, heap = struct.unpack("<2Q", messages[SYMBOLS])
        signature, size, _, names = self._unpack("<4s4x3Q", heap)
        if signature != b"HEAP" or names + size > len(self.content):
            raise ArgumentError(f"the names in {path} are not where they should be")
        found: dict[str, int] = {}
        for entry in self._entries(tree, path):
            offset, address, cache = self._unpack("<2QI", entry)
            stop = self.content.find(b"\0", names + offset, names + min(size, offset + LONGEST))
            if cache not in (0, 1) or offset >= size or stop < 0:
                raise ArgumentError(f"{path} has a link, or a name that does not end")
            found[self.content[names + offset : stop].decode("utf-8", "replace")] = address
        return found

    def _entries(self, tree: int, path: str) -> Iterator[int]:
        """The addresses of the entries of a group, in which its tree ends."""
        nodes = [(tree, -1)]
        for address, expected in nodes:
            signature, kind, level, used = self._unpack("<4s2BH", address)
            self._visit(address, used)
            if signature != b"TREE" or kind != 0 or expected not in (-1, level):
                raise ArgumentError(f"the tree of {path} is broken")
            for k in range(used):
                (child,) = self._unpack("<Q", address + 32 + 16 * k)
                if level:
                    nodes.append((child, level - 1))
                    continue
                signature, version, count = self._unpack("<4sBxH", child)
                self._visit(child, count)
                if signature != b"SNOD" or version != 1:
                    raise ArgumentError(f"the tree of {path} is broken")
                yield from range(child + 8, child + 8 + 40 * count, 40)

    def _read(self, address: int, path: str) -> Array:
        messages = self._messages(address, path)
        try:
            shape, dtype = _shape(messages[DATASPACE]), _dtype(messages[DATATYPE])
            version, how = messages[LAYOUT][:2]
            if version not in (3, 4) or how not in (COMPACT, CONTIGUOUS):
                raise ArgumentError(f"{path} lies in the file in pieces, as Keras does not write it")
            count = math.prod(shape)
            size = count * dtype.itemsize
            if how == COMPACT:
                (stored,) = struct.unpack_from("<H", messages[LAYOUT], 2)
                content, start = messages[LAYOUT][4:], 0
            else:
                start, stored = struct.unpack_from("<2Q", messages[LAYOUT], 2)
                content = self.content
        except (KeyError, struct.error, ValueError) as error:
            if isinstance(error, ArgumentError):
                raise
            raise ArgumentError(f"{path} should be an array of numbers") from error
        if stored != size or size > self.left or (size and start + size > len(content)):
            raise ArgumentError(f"{path} has the shape {shape} of {dtype}, and {stored} bytes")
        self.left -= size
        return np.frombuffer(content, dtype, count, start if size else 0).reshape(shape)


def _shape(message: bytes) -> tuple[int, ...]:
    version, rank = message[0], message[1]
    if version not in (1, 2) or rank > 8 or (version == 2 and message[3] > 1):
        raise ArgumentError(f"an array has {rank} axes, in a form that Keras does not write")
    return struct.unpack_from(f"<{rank}Q", message, 8 if version == 1 else 4)


def _dtype(message: bytes) -> np.dtype[Any]:
    """The NumPy type of a datatype message, of those that it has too."""
    kind, flags, size = message[0] & 15, message[1], int.from_bytes(message[4:8], "little")
    order = ">" if flags & 1 else "<"
    if kind == 1 and not flags & 64 and struct.unpack_from("<2H4BI", message, 8) == FLOATS.get(size):
        return np.dtype(f"{order}f{size}")
    if kind == 0 and size in (1, 2, 4, 8) and struct.unpack_from("<2H", message, 8) == (0, 8 * size):
        return np.dtype(f"{order}{'i' if flags & 8 else 'u'}{size}")
    raise ArgumentError(f"an array holds {size} bytes each, which are no numbers that NumPy has")
