"""Embedding on the tape: rows of a table looked up, and their gradients added up."""

from mlp.engines.kernels.arithmetic import clear
from mlp.engines.kernels.pointers import Anchor, Record, integers, pointer, shift
from mlp.engines.kernels.tape import Operand, Tape, Uncompilable
from mlp.engines.kernels.walk import OPERANDS, START, STOP
from mlp.layers.embedding import Embedding


def forward(tape: Tape, layer: Embedding, X: Operand) -> Operand:
    """out[n, c] = embeddings[X[n, c]]."""
    if not tape.are_inputs(X):
        raise Uncompilable(
            f"layer {layer.name!r} (Embedding) gets numbers that a layer below makes, which must be looked "
            "at batch by batch; there is a compiled form only where it gets columns of the inputs as they are"
        )
    layer.allocate(tape.rows)
    count = layer.indices.size
    tape.add(
        look_up, X, layer.embeddings, layer.indices, layer.out, layer.input_dim, layer.output_dim,
        work=count, shared=layer.output_dim,
    )  # fmt: skip
    return layer.out


def backward(tape: Tape, layer: Embedding, delta: Operand) -> Operand:
    """dE[X[n, c]] = Σ of delta[n, c]; the grad below is 0."""
    if layer.learns:
        table = layer.dembeddings
        tape.add(clear, table, work=table.size)
        tape.add(add_to_table, delta, layer.indices, table, layer.output_dim, work=layer.indices.size)
    if not layer.passes_grad:
        return delta
    tape.add(clear, layer.grad, work=layer.grad.size)
    return layer.grad


# kernels


def look_up(record: Record, anchor: Anchor) -> None:
    """The rows of the table at the indices, which X holds; an index beyond the table is held in it."""
    X, table = pointer(record[OPERANDS], anchor), pointer(record[OPERANDS + 1], anchor)
    indices, out = integers(record[OPERANDS + 2]), pointer(record[OPERANDS + 3], anchor)
    last, width = record[OPERANDS + 4] - 1, record[OPERANDS + 5]
    for place in range(record[START], record[STOP]):
        index = max(0, min(last, int(X[place])))
        indices[place] = index
        row, y = shift(table, index * width), shift(out, place * width)
        for k in range(width):
            y[k] = row[k]


def add_to_table(record: Record, anchor: Anchor) -> None:
    """The table's row at each index += the delta there."""
    delta, indices = pointer(record[OPERANDS], anchor), integers(record[OPERANDS + 1])
    table, width = pointer(record[OPERANDS + 2], anchor), record[OPERANDS + 3]
    for place in range(record[STOP]):
        row, d = shift(table, indices[place] * width), shift(delta, place * width)
        for k in range(width):
            row[k] += d[k]
