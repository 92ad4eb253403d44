"""Looking inside: one pass with all its numbers, and whether the gradients are right."""

from mlp.inspection.differences import GradientCheck, gradient_check
from mlp.inspection.network import network_of, unchanged, weights_set
from mlp.inspection.trace import LayerTrace, Trace, trace

__all__ = [
    "GradientCheck",
    "LayerTrace",
    "Trace",
    "gradient_check",
    "network_of",
    "trace",
    "unchanged",
    "weights_set",
]
