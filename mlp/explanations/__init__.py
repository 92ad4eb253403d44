"""Explanations from the deltas: what in the input has made an output what it is.

Of single predictions: `input_gradients`, and contributions that add up to the output by
`integrated_gradients` and `deeplift`. Of the net as a whole, from its weights: `olden` and `garson`.
Pictures of them are `mlp.plots.contributions` and `mlp.plots.importance`.
"""

from mlp.explanations.contributions import Contributions, deeplift, integrated_gradients
from mlp.explanations.gradients import input_gradients
from mlp.explanations.importance import garson, olden

__all__ = ["Contributions", "deeplift", "garson", "input_gradients", "integrated_gradients", "olden"]
