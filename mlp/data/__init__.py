"""Data on their way to the model: arrays, what is larger than memory, and batches from elsewhere."""

from mlp.data.batches import ArrayData, Batch
from mlp.data.passes import Block, Chunk, Pass, Source
from mlp.data.splits import Rows, balanced_weights, split_tail, weights_of_classes

__all__ = [
    "ArrayData",
    "Batch",
    "Block",
    "Chunk",
    "Pass",
    "Rows",
    "Source",
    "balanced_weights",
    "split_tail",
    "weights_of_classes",
]
