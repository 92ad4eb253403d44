"""Instructions for tests: kernels that call one thing, compiled and run on a record of Python's numbers."""

import ctypes

import numpy as np

from mlp.engines.kernels.compiler import compiler_for
from mlp.engines.kernels.walk import START, WORDS

EDGE = 40  # numbers around a matrix, which a kernel must leave alone


def address(instruction, dtype):
    """Where the compiled instruction begins. A test's `formula` stands for its file in the kept name."""
    return compiler_for(np.dtype(dtype)).address(instruction, formula=instruction.__globals__.get("formula"))


def run(instruction, dtype, *operands):
    """Run an instruction on a record whose words are the operands; arrays by their addresses."""
    record = np.zeros(WORDS, np.int64)
    words = [word.ctypes.data if isinstance(word, np.ndarray) else int(word) for word in operands]
    record[START : START + len(words)] = words
    anchor = np.array([0, 1], dtype)
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(address(instruction, dtype))
    function(record.ctypes.data, anchor.ctypes.data)


class Guarded:
    """A matrix of NaN with an edge around it in memory."""

    def __init__(self, shape, dtype):
        size = int(np.prod(shape))
        self.memory = np.full(size + 2 * EDGE, np.nan, dtype)
        self.memory[:EDGE] = self.memory[EDGE + size :] = 7
        self.matrix = self.memory[EDGE : EDGE + size].reshape(shape)

    def is_kept(self):
        """Whether the edge is as it was."""
        size = self.matrix.size
        return bool((self.memory[:EDGE] == 7).all() and (self.memory[EDGE + size :] == 7).all())
