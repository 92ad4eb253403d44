"""Reading ahead: a thread prepares the next items of an iterator while the ones before are used."""

import contextvars
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from mlp.errors import DataError
from mlp.naming import is_integer, require

Item = TypeVar("Item")
PAUSE = 0.05  # seconds after which whoever waits looks whether the thread lives and calls `idle`
FAREWELL = 1.0  # seconds that an end waits for a thread in the middle of an item


class ReadAhead(Generic[Item]):
    """An iterator whose items are prepared by a thread of its own; see `read_ahead`.

    Attributes
    ----------
    idle : callable or None
        Called every twentieth of a second while an item is waited for. What it raises ends the waiting.
    """

    def __init__(self, items: Iterable[Item], ahead: int, idle: Callable[[], object] | None) -> None:
        self.idle, self.owner = idle, os.getpid()
        self.desk: _Desk = _Desk(ahead)
        # NumPy's errstate and the like hold in the thread as they do here
        work = contextvars.copy_context().run
        self.thread = threading.Thread(
            target=work, args=(_work, items, self.desk), name="mlp-read-ahead", daemon=True
        )
        self.thread.start()
        # an iterator that is forgotten, or the end of the interpreter, ends the thread too
        self.end = weakref.finalize(self, _finish, self.desk, self.thread, self.owner)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Item:
        desk = self.desk
        if self.owner != os.getpid():
            raise DataError("data that are read ahead cannot be gone on with in a process forked meanwhile")
        with desk.changed:
            while not desk.items and not desk.ended:
                if not self.thread.is_alive():
                    desk.ended = True
                    raise DataError("the thread that reads the data ahead has died; nothing more will come")
                if not desk.changed.wait(PAUSE) and self.idle is not None:
                    self.idle()
            if desk.items:
                item: Item = desk.items.popleft()
                desk.changed.notify_all()
                return item
            error, desk.error = desk.error, None
        if error is None:
            raise StopIteration
        try:
            raise error  # with the frames of the thread in its traceback
        finally:
            del error  # which holds this frame

    def ready(self) -> bool:
        """Whether the next item, the end or an error is there, so that `next` does not wait."""
        return bool(self.desk.items) or self.desk.ended

    def close(self) -> None:
        """End the thread; it finishes the item in hand, for which a second is waited at most."""
        self.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Desk:
    """What the thread and its user share; the thread does not know the iterator, which may be forgotten."""

    def __init__(self, ahead: int) -> None:
        self.items: deque[Any] = deque()
        self.ahead, self.ended, self.closed = ahead, False, False
        self.error: BaseException | None = None
        self.changed = threading.Condition()  # may be entered again, by a finalizer

    def waits_for_room(self) -> bool:
        """Wait until one more item may be begun; False if none is wanted any more."""
        with self.changed:
            while len(self.items) >= self.ahead and not self.closed:
                self.changed.wait()
            return not self.closed

    def put(self, item: Any) -> None:
        """Lay down an item, unless nobody wants it any more."""
        with self.changed:
            if not self.closed:
                self.items.append(item)
                self.changed.notify_all()


def _work(items: Iterable[Any], desk: _Desk) -> None:
    error, source = None, None
    try:
        source = iter(items)
        while desk.waits_for_room():
            try:
                item = next(source)
            except StopIteration:
                break
            desk.put(item)
            del item  # its memory is free as soon as its user lets go of it
    except BaseException as caught:  # whatever it is, it belongs to the user of the items
        error = caught
    try:
        if isinstance(source, Iterator) and hasattr(source, "close"):
            source.close()
    except BaseException as caught:
        error = error or caught
    with desk.changed:
        desk.ended, desk.error = True, error
        desk.changed.notify_all()


def _finish(desk: _Desk, thread: threading.Thread, owner: int) -> None:
    if owner != os.getpid():  # the thread has stayed in the parent, perhaps with the lock
        return
    with desk.changed:
        desk.closed, desk.ended = True, True
        desk.items.clear()
        desk.changed.notify_all()
    if thread is not threading.current_thread():
        thread.join(FAREWELL)


def read_ahead(
    items: Iterable[Item], ahead: int = 1, idle: Callable[[], object] | None = None
) -> ReadAhead[Item]:
    """An iterator over the same items, the next of which a thread prepares meanwhile.

    The thread begins an item only when fewer than `ahead` wait to be taken: with one ahead, two are in
    memory, the one in use and the next, and the memory of an item can be used again for the one after the
    next. An exception comes out in its place, after the items before it, with the thread's frames in its
    traceback. Use it in a ``with`` block, or `close` it: the thread then ends, with the iterator.

    Parameters
    ----------
    items : iterable
        Gone through by the thread alone. If its iterator has a `close`, as a generator has, the thread calls
        it at the end.
    ahead : int, default 1
    idle : callable, optional
        Called every twentieth of a second while `next` waits; it may raise. Signals are heard anyway.

    Returns
    -------
    ReadAhead
        The thread never keeps the interpreter alive, and ends if the iterator is forgotten.

    Raises
    ------
    DataError
        By `next`, if the thread died, or in a process that was forked meanwhile.

    Examples
    --------
    >>> with read_ahead(number**2 for number in range(4)) as squares:
    ...     list(squares)
    [0, 1, 4, 9]
    """
    require(is_integer(ahead) and ahead > 0, "ahead", ahead, "a positive integer")
    return ReadAhead(items, ahead, idle)
