"""Files that survive: written whole or not at all, and read whole through one descriptor.

Whoever opens the name sees the old file or the new one, also if the disk is full or the process is
killed in the midst of a write.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from mlp.errors import ArgumentError, MissingFileError, ModelFileError

fcntl: Any
try:
    import fcntl
except ImportError:  # which Windows does not have: there, what killed processes leave stays
    fcntl = None

Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]
ARCHIVE, HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"  # how such files begin
TEMPORARY = ".mlp-", ".tmp"  # and 16 digits between: fits wherever the name of the file itself does
NOT_FOR_FOLDERS = (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM, errno.EBADF)


def write_atomically(filepath: Path, write: Callable[[BinaryIO], object]) -> None:
    """Make a file, or replace one, in one step.

    A temporary file in the same folder gets the bytes, is brought to the disk, and takes the name. A new
    file has the permissions of the umask; one that is replaced keeps those that it had. A symbolic link
    stays, and what it points to is replaced. Temporary files that killed processes have left in the
    folder are taken away.

    Parameters
    ----------
    filepath : path
        A file, or a name for one, in a folder that exists.
    write : callable
        Gets the temporary file, open for writing and reading; it may also open it by its ``name``.

    Raises
    ------
    ArgumentError
        If it is no path.
    ModelFileError
        If the system refuses: the disk is full, a permission is missing, there is no such folder. Its
        ``errno`` is the system's. After this and every other error the file that was there is as it was.

    Examples
    --------
    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "numbers")
    >>> write_atomically(path, lambda file: file.write(b"1 2 3"))
    >>> with open(path) as file:
    ...     print(file.read())
    1 2 3
    """
    asked = os.path.abspath(as_text(filepath))
    path, mode = _place(asked)
    try:
        _replace(path, mode, write)
    except OSError as error:
        before = "no file was made" if mode is None else "the file that was there is as it was"
        raise _said(error, f"{asked} cannot be written: {reason(error)}; {before}") from error
    try:
        _sync_folder(os.path.dirname(path))
    except OSError as error:
        told = f"{asked} is written, but its folder may not be on the disk yet: {reason(error)}"
        raise _said(error, told) from error


def as_text(filepath: Path) -> str:
    """The name of a file as text; an `ArgumentError` if it is something else."""
    try:
        return os.fsdecode(filepath)
    except TypeError:
        raise ArgumentError(f"filepath must be the name of a file; got {filepath!r}") from None


def form_of(filepath: Path) -> str:
    """What a file is by its first bytes: "archive", "hdf5", or "" for anything else."""
    with opened(filepath, "model file") as (file, _):
        start = file.read(len(HDF5))
    return "archive" if start.startswith(ARCHIVE) else "hdf5" if start == HDF5 else ""


def _place(asked: str) -> tuple[str, int | None]:
    """The file that a name stands for, and its permissions or None if there is none yet; or an error."""
    advice = "give the name of a file in an existing folder"
    path = asked
    try:
        path = os.path.realpath(asked)
        there = os.stat(path)
    except FileNotFoundError as error:
        if os.path.isdir(os.path.dirname(path)):
            return path, None
        raise _said(error, f"{asked} is in a folder that does not exist; {advice}") from error
    except (OSError, ValueError) as error:  # the latter for a name with a zero in it
        raise _said(error, f"{asked} cannot be written: {reason(error)}; {advice}") from error
    if stat.S_ISREG(there.st_mode):
        return path, stat.S_IMODE(there.st_mode)
    raise ModelFileError(f"{asked} is {_kind(there.st_mode)}; {advice}")


def _kind(mode: int) -> str:
    return "a folder" if stat.S_ISDIR(mode) else "no regular file, but a pipe, a device or the like"


def reason(error: BaseException) -> str:
    """What a system's or a library's error says, without what it says of itself."""
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def _said(error: BaseException, text: str) -> ModelFileError:
    made = ModelFileError(text)
    made.errno = getattr(error, "errno", None)
    return made


def _replace(path: str, mode: int | None, write: Callable[[BinaryIO], object]) -> None:
    _clear(os.path.dirname(path))
    file = _temporary(os.path.dirname(path))
    try:
        with file:
            write(file)
            file.flush()
            if mode is not None:
                os.chmod(file.name, mode)
            os.fsync(file.fileno())
            if fcntl is None:
                file.close()  # Windows renames no open file
            os.replace(file.name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file.name)
        raise


def _temporary(folder: str) -> BinaryIO:
    """A new file, locked as a sign for `_clear` that its process lives."""
    while True:
        name = os.path.join(folder, os.urandom(8).hex().join(TEMPORARY))
        file = open(name, "x+b")  # noqa: SIM115 - whoever calls closes it
        # another process may have taken it for left behind, in the moment before it was locked
        if _lock(file.fileno()) is not False and os.fstat(file.fileno()).st_nlink:
            return file
        file.close()


def _lock(descriptor: int) -> bool | None:
    """Whether the file is locked for us now; None if there are no locks here."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _clear(folder: str) -> None:
    """Take away the temporary files of processes that were killed: they are locked no more."""
    if fcntl is None:
        return
    with contextlib.suppress(OSError):  # what cannot be listed or taken away does no harm
        left = [name for name in os.listdir(folder) if name.startswith(TEMPORARY[0])]
        for name in left:
            path = os.path.join(folder, name)
            if not name.endswith(TEMPORARY[1]) or not stat.S_ISREG(os.lstat(path).st_mode):
                continue
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if _lock(descriptor):
                    os.unlink(path)
            finally:
                os.close(descriptor)


def _sync_folder(folder: str) -> None:
    """Bring the names in a folder to the disk, where that can be done."""
    if os.name == "nt":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a folder to write into, but not to list
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NOT_FOR_FOLDERS:
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def opened(filepath: Path, what: str = "file") -> Iterator[tuple[BinaryIO, int]]:
    """Open a regular file to read it; give it and its size.

    It is never mapped into memory, where a file that somebody cuts off ends the process.

    Parameters
    ----------
    filepath : path
    what : str, default "file"
        What it should be, for the errors: "model file".

    Raises
    ------
    ArgumentError
        If it is no path.
    MissingFileError
        If there is none.
    ModelFileError
        If it is a folder, a pipe or a device, cannot be read, is too large for the memory, or was changed
        by somebody before it was closed.
    """
    path = as_text(filepath)
    try:
        # not to wait for the writer of a pipe
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise ModelFileError(f"{path} is not a readable {what}: it is {_kind(before.st_mode)}")
            yield file, before.st_size
            after = os.fstat(descriptor)
    except FileNotFoundError as error:
        missing = MissingFileError(f"there is no {what} {path!r}")
        missing.errno = errno.ENOENT
        raise missing from error
    except ModelFileError:
        raise
    except (OSError, ValueError, MemoryError) as error:
        raise _said(error, f"{path} is not a readable {what}: {reason(error)}") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise ModelFileError(f"{path} was changed while it was read; read it again")


def read_exactly(file: BinaryIO, count: int) -> bytes:
    """The next so many bytes of a file from `opened`; an `OSError` if it has fewer by now."""
    content = file.read(count)
    if len(content) != count:
        raise OSError(errno.EIO, f"{count} bytes were expected, and it ended after {len(content)}")
    return content
