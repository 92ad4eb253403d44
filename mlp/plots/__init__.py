"""Pictures of a model, its training and its answers, by matplotlib: ``pip install 'mlp[plot]'``.

Each function takes the model (or what it draws) first and returns the Axes or the Figure. Those of one
panel take ``ax=`` to draw into a figure of your own. matplotlib is loaded by the first picture, not by
importing this package, and its settings are left as they are.
"""

from mlp.plots.boundary import animate_boundary, decision_boundary
from mlp.plots.curves import history, learning_rates
from mlp.plots.distributions import histograms
from mlp.plots.explanations_figure import contributions, importance
from mlp.plots.functions import activations
from mlp.plots.judging import calibration, confusion_matrix
from mlp.plots.loops import training_loops
from mlp.plots.network import network
from mlp.plots.surface import loss_surface
from mlp.plots.trace_figure import trace
from mlp.plots.weights import weight_images

__all__ = [
    "activations",
    "animate_boundary",
    "calibration",
    "confusion_matrix",
    "contributions",
    "decision_boundary",
    "histograms",
    "history",
    "importance",
    "learning_rates",
    "loss_surface",
    "network",
    "trace",
    "training_loops",
    "weight_images",
]
