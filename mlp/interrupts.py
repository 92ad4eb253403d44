"""Ctrl-C as a flag, so that a training run ends between two batches and not in the middle of one."""

import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

Result = TypeVar("Result")


class GivenUpError(Exception):
    """Ends what `Interrupts.wait` is waiting for."""


class Interrupts:
    """While it is open, the first Ctrl-C sets a flag; the second raises `KeyboardInterrupt` as ever.

    Only where Python's own handler is in place and in the main thread, which is the one that hears
    signals; elsewhere nothing changes.

    Attributes
    ----------
    heard : bool
    """

    def __init__(self) -> None:
        self.heard = self.waiting = self.listens = False
        self.before: Any = None

    def __enter__(self) -> Self:
        import signal

        self.heard, self.before = False, signal.getsignal(signal.SIGINT)
        self.listens = (
            self.before is signal.default_int_handler
            and threading.current_thread() is threading.main_thread()
        )
        if self.listens:
            signal.signal(signal.SIGINT, self._hear)
        return self

    def wait(self, work: Callable[[], Result]) -> Result | None:
        """Do what may take long and may be left half done; None if Ctrl-C or a `GivenUpError` ends it."""
        self.waiting = True
        try:
            return work()
        except GivenUpError:
            return None
        except KeyboardInterrupt:
            if not self.heard:
                raise
            return None
        finally:
            self.waiting = False

    def _hear(self, number: int, frame: FrameType | None) -> None:
        again, self.heard = self.heard, True
        if again or self.waiting:
            raise KeyboardInterrupt

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.listens:
            import signal

            signal.signal(signal.SIGINT, self.before)
