"""The curves of a training while it runs, redrawn in place: in a notebook or in a window."""

from __future__ import annotations

import io
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp.callbacks.base import Callback, Logs
from mlp.naming import is_integer, require, require_in
from mlp.plots import curves, style
from mlp.plots.runs import Run, chosen

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 170  # of the picture in a notebook, which is shown at half the size: sharp on any screen
FIRST = 0.2  # seconds from the beginning to the first picture
SHARE = 0.1  # of the time: drawing may take so much at most


class LivePlot(Callback):
    """Draw losses and metrics while the model trains.

    In a notebook the picture stands below the cell and is replaced, elsewhere in a window of
    matplotlib, if it has any; otherwise nothing is shown. Afterwards `figure` has the last picture.

    Parameters
    ----------
    metrics : str or list of str, optional
        Which curves, each in a panel, with that of the validation: "loss", "accuracy" … By default all.
    every : int, default 1
        Redraw after so many epochs at the earliest.
    seconds : float, default 0.5
        And after so many seconds at the earliest. Where drawing is slow it is done less often, so that it
        takes no more than about a tenth of the time. With 0 neither holds: only `every` counts.

    Attributes
    ----------
    figure : matplotlib.figure.Figure or None
        The picture, once an epoch is over.

    Raises
    ------
    MissingPackageError
        By `fit`, before anything has changed, if matplotlib is not installed.
    ArgumentError
        If an argument cannot be used; by `fit`, after its first epoch, if there is no such metric.

    Notes
    -----
    The last state is always drawn, also if the training is interrupted or ends by an error. It hears of
    epochs only, so that a compiled engine still makes many steps at a time. The epochs of a run
    that `BackupAndRestore` resumes are there from the first.

    Examples
    --------
    >>> import mlp
    >>> model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(1,))], seed=0)
    >>> model.compile("sgd", "mse", metrics=["mae"])
    >>> live = LivePlot("loss")
    >>> history = model.fit([[0.0], [1.0]], [1.0, 3.0], epochs=5, callbacks=[live], verbose=0)
    >>> len(live.figure.axes), len(live.figure.axes[0].lines[0].get_xdata())
    (1, 5)
    """

    def __init__(self, metrics: str | list[str] | None = None, every: int = 1, seconds: float = 0.5) -> None:
        listed = isinstance(metrics, list | tuple) and all(isinstance(name, str) for name in metrics)
        named = metrics is None or isinstance(metrics, str) or listed
        require(named, "metrics", metrics, "names of what the logs have, such as ['loss', 'accuracy']")
        require(is_integer(every) and every > 0, "every", every, "a positive number of epochs")
        require_in("[0, inf)", "seconds", seconds)
        self.metrics, self.every, self.seconds = metrics, int(every), float(seconds)
        self.figure: Figure | None = None
        self.curves: dict[str, list[float]] = {}
        self.epochs: list[int] = []
        self._names: list[str] | None = None
        self._shown = _Nowhere()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        style.pyplot()
        self._shown.close()
        self._shown = _place()
        self.figure = self._names = None
        self.curves, self.epochs = {}, []
        # a training that is over at once is drawn once
        self._drawn, self._due = 0, time.perf_counter() + min(self.seconds, FIRST)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epochs.append(epoch)
        for name, value in (logs or {}).items():
            if np.ndim(value) == 0:
                # where an epoch was not validated there is nothing, and later values stay in their place
                missing = len(self.epochs) - 1 - len(self.curves.setdefault(name, []))
                self.curves[name] += [np.nan] * missing + [float(value)]
        if self._names is None:
            self._names = chosen({"": self._run()}, self.metrics)
        if len(self.epochs) - self._drawn >= self.every and time.perf_counter() >= self._due:
            self._draw()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._finish()

    def on_train_failure(self) -> None:
        self._finish()

    def get_state(self) -> dict[str, Any]:
        return {"curves": self.curves, "epochs": self.epochs}

    def _run(self) -> Run:
        count = len(self.epochs)
        known = {
            name: np.array(values + [np.nan] * (count - len(values))) for name, values in self.curves.items()
        }
        return Run(np.array(self.epochs) + 1, known, self.model)

    def _draw(self, over: bool = False) -> None:
        began = time.perf_counter()
        names = self._names or []
        if self.figure is None:
            self.figure = self._shown.figure(curves.size(len(names)))
        self.figure.clear()
        grid = self.figure.subplots(*curves.layout(len(names)), squeeze=False)
        for spare in grid.flat[len(names) :]:
            spare.remove()
        curves.draw({"": self._run()}, names, list(grid.flat[: len(names)]))
        last = self.params.get("epochs")
        if last and last > self.epochs[-1] + 1 and not over:
            reached = f"epoch {self.epochs[-1] + 1} of {last}"
            self.figure.suptitle(reached, fontsize="medium", color=style.GREY)
        self._shown.show(self.figure)
        now = time.perf_counter()
        self._drawn = len(self.epochs)
        self._due = now + max(self.seconds, (now - began) / SHARE) if self.seconds else now

    def _finish(self) -> None:
        # the picture of what has ended before its last epoch still says how far it has come
        says_more = self.figure is not None and self.figure.get_suptitle()
        if self._names and (self._drawn != len(self.epochs) or says_more):
            self._draw(over=True)
        self._shown.settle()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_shown": _Nowhere(), "figure": None}  # a window or a cell cannot be copied


class _Nowhere:
    """No place to show a picture."""

    def figure(self, size: tuple[float, float]) -> Figure:
        """A new figure that pyplot does not know, so that nobody else shows it or has to close it."""
        from matplotlib.figure import Figure

        return Figure(figsize=size, layout="constrained")

    def show(self, figure: Figure) -> None:
        """Show the figure as it is now."""

    def settle(self) -> None:
        """The training is over."""

    def close(self) -> None:
        """Another training begins."""


class _Cell(_Nowhere):
    """The output of a notebook's cell."""

    handle: Any = None

    def show(self, figure: Figure) -> None:
        notebook: Any = import_module("IPython.display")
        written = io.BytesIO()
        figure.savefig(written, format="png", dpi=DPI)
        image = notebook.Image(written.getvalue(), retina=True)
        if self.handle is None:
            self.handle = notebook.display(image, display_id=True)
        else:
            self.handle.update(image)


class _Window(_Nowhere):
    """A window of matplotlib; it stays open until the next training."""

    opened: Any = None

    def figure(self, size: tuple[float, float]) -> Figure:
        self.opened = style.pyplot().figure(figsize=size, layout="constrained")
        self.opened.show()
        found: Figure = self.opened
        return found

    def show(self, figure: Figure) -> None:
        figure.canvas.draw_idle()
        figure.canvas.flush_events()

    def close(self) -> None:
        if self.opened is not None:
            style.pyplot().close(self.opened)
            self.opened = None


def _place() -> _Nowhere:
    """Where pictures can be shown."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if getattr(shell, "kernel", None) is not None:
        return _Cell()
    return _Window() if _has_windows(style.pyplot().get_backend()) else _Nowhere()


def _has_windows(backend: str) -> bool:
    known: Any = getattr(import_module("matplotlib.backends"), "backend_registry", None)
    if known is None:  # before matplotlib 3.9
        names: list[str] = import_module("matplotlib.rcsetup").interactive_bk
        return backend.lower() in map(str.lower, names)
    return known.resolve_backend(backend)[1] is not None
