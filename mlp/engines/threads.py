"""How many cores the engines may use.

threadpoolctl finds the libraries that have pools of threads and sets their limits. Finding them takes
milliseconds, so they are kept; and its contexts know nothing of each other, so those that several threads
enter and leave in whatever order are counted here.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

Find = Callable[[], Sequence[Any]]


class Limits:
    """The limits that are in force, in all threads of the process.

    Of some libraries a limit holds for the whole process: the smallest is then in force, until the last
    context is left. Of others, such as OpenMP and MKL, it holds for the thread that sets it. Which it is
    is tried out, since it differs between versions.

    Parameters
    ----------
    find : callable
        Returns the `LibController` of threadpoolctl of each library that is loaded.
    """

    def __init__(self, find: Find) -> None:
        self.find = find
        self.pools: Sequence[Any] = ()
        self.modules = 0  # that were loaded when the libraries were looked for
        self.for_one_thread: dict[str, bool] = {}  # of each library, by its path
        self.holders: list[int] = []  # the limits of all contexts, over all threads
        self.before: dict[str, tuple[Any, int, int]] = {}  # by path: pool, its number before, and as set
        self.lock = threading.Lock()
        self.own = threading.local()

    @contextmanager
    def limited(self, n_threads: int) -> Iterator[None]:
        """A context in which the calling thread has at most so many threads for its work."""
        outer: int | None = getattr(self.own, "limit", None)
        if outer is not None and outer <= n_threads:
            yield
            return
        self.own.limit = n_threads
        try:
            with self.lock:
                self._look()
                self.holders.append(n_threads)
                self._share()
            pools = [(pool, pool.num_threads) for pool in self.pools if self.for_one_thread[pool.filepath]]
            for pool, number in pools:
                put(pool, min(n_threads, number))
            try:
                yield
            finally:
                for pool, number in pools:
                    put(pool, number)
                with self.lock:
                    self.holders.remove(n_threads)
                    self._share()
        finally:
            self.own.limit = outer

    def _look(self) -> None:
        """Find the libraries anew if others may have been loaded, which modules bring."""
        if len(sys.modules) == self.modules:
            return
        self.pools = [pool for pool in self.find() if pool.num_threads]
        for pool in self.pools:
            if pool.filepath not in self.for_one_thread:
                self.for_one_thread[pool.filepath] = holds_for_one_thread(pool)
        self.modules = len(sys.modules)

    def _share(self) -> None:
        """Set what holds for the whole process to the smallest limit; without one, to what it was."""
        if not self.holders:
            for pool, before, number in self.before.values():
                if pool.num_threads == number:  # else somebody has set it meanwhile
                    put(pool, before)
            self.before.clear()
            return
        smallest = min(self.holders)
        for pool in self.pools:
            path = pool.filepath
            if not self.for_one_thread[path]:
                _, before, number = self.before.get(path, (pool, pool.num_threads, 0))
                if number != min(smallest, before):
                    number = min(smallest, before)
                    put(pool, number)
                self.before[path] = pool, before, number

    def after_fork(self) -> None:
        """In a new process there is only the thread that has forked."""
        self.lock = threading.Lock()
        own: int | None = getattr(self.own, "limit", None)
        self.holders = [] if own is None else [own]
        self._share()


def put(pool: Any, number: int) -> None:
    """Set the number of threads of a library, whichever thread has set it before."""
    # threadpoolctl 3.8 and later do nothing in other threads than that which was first
    let_go = getattr(pool, "clear_controlling_thread", None)
    if let_go is not None:
        let_go(force=True)
    pool.set_num_threads(number)
    if let_go is not None:
        let_go(force=True)


def holds_for_one_thread(pool: Any) -> bool:
    """Whether a limit holds for the thread that sets it alone: another thread sets one."""
    before = pool.num_threads
    thread = threading.Thread(target=put, args=(pool, before - 1 if before > 1 else 2))
    thread.start()
    thread.join()
    alone: bool = pool.num_threads == before
    if not alone:
        put(pool, before)
    return alone


def loaded() -> Sequence[Any]:
    """The libraries with pools of threads that are loaded."""
    from threadpoolctl import ThreadpoolController

    found: Sequence[Any] = ThreadpoolController().lib_controllers
    return found


LIMITS = Limits(loaded)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=LIMITS.after_fork)


def cores() -> int:
    """How many cores this process may use.

    Examples
    --------
    >>> cores() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def limited(n_threads: int | None) -> AbstractContextManager[Any]:
    """A context in which no library works on more than so many cores; None leaves them as they are.

    What allows fewer already, such as the environment or a context around this one, stays in force. Several
    threads may be in such contexts at a time, and enter and leave them in any order. Of a library whose limit
    holds for the whole process, as with OpenBLAS, the smallest of them counts for all.

    Examples
    --------
    >>> with limited(1):
    ...     pass
    """
    return nullcontext() if n_threads is None else LIMITS.limited(n_threads)
