"""How many cores the engines may use."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any


def limited(n_threads: int | None) -> AbstractContextManager[Any]:
    """A context in which no library works on more than so many cores; None leaves them as they are.

    Examples
    --------
    >>> with limited(1):
    ...     pass
    """
    if n_threads is None:
        return nullcontext()
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(n_threads)
    return limits
