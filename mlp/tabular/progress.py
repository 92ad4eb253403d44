"""How far a fit of several networks has come, and how much time it still has."""

import math
import threading
import time
from typing import Any

from mlp.callbacks import Callback
from mlp.callbacks.base import Logs

SHARE = 0.95  # of the time that is given; the rest is for what comes after the last step


class Clock:
    """The time that a fit may take, from its construction on.

    Parameters
    ----------
    seconds : float or None
        None: as long as it takes.
    """

    def __init__(self, seconds: float | None) -> None:
        self.begun = time.perf_counter()
        self.seconds = math.inf if seconds is None else float(seconds) * SHARE

    def reserve(self, seconds: float) -> None:
        """Keep some time, at most half of all, for what comes after the training."""
        self.seconds -= min(seconds, self.seconds / 2)

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit."""
        return self.seconds < math.inf

    @property
    def left(self) -> float:
        """Seconds that are left; not less than 0."""
        return max(self.seconds - (time.perf_counter() - self.begun), 0.0)


class Progress:
    """A tqdm bar over the epochs of all networks, with the time that remains; lines without tqdm.

    Parameters
    ----------
    epochs : int
        Of all networks together.
    verbose : bool
    """

    def __init__(self, epochs: int, verbose: Any) -> None:
        self.epochs, self.done, self.verbose = epochs, 0, bool(verbose)
        self.lock, self.bar = threading.Lock(), None
        self.begun = self.shown = time.perf_counter()
        if self.verbose:
            try:
                from tqdm import tqdm
            except ImportError:
                return
            self.bar = tqdm(total=epochs, unit="epoch", desc="fit")

    def advance(self, epochs: int = 1) -> None:
        """Count epochs that are over, or that need not be made."""
        with self.lock:
            self.done += epochs
            if self.bar is not None:
                self.bar.update(epochs)
            elif self.verbose and time.perf_counter() - self.shown > 2:
                self.shown = time.perf_counter()
                print(self.line(self.shown - self.begun), flush=True)

    def line(self, seconds: float) -> str:
        """Where the fit stands after so many seconds.

        Examples
        --------
        >>> progress = Progress(200, verbose=False)
        >>> progress.advance(50)
        >>> progress.line(10.0)
        'fit: 50 of 200 epochs in 10 s, 30 s remain'
        """
        remaining = seconds / max(self.done, 1) * (self.epochs - self.done)
        return f"fit: {self.done} of {self.epochs} epochs in {seconds:.0f} s, {remaining:.0f} s remain"

    def close(self) -> None:
        """End the bar, or write the last line."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None
        elif self.verbose:
            print(self.line(time.perf_counter() - self.begun), flush=True)


class EpochCount(Callback):
    """Tells a `Progress` of each epoch, and ends the training once it is to be stopped.

    Parameters
    ----------
    progress : Progress
    stop : threading.Event
    """

    def __init__(self, progress: Progress, stop: threading.Event) -> None:
        self.progress, self.stop = progress, stop

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.progress.advance()
        if self.stop.is_set():
            self.model.stop_training = True
