"""The table of a model's layers, as Keras prints it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlp.model import Model


def table(model: "Model") -> str:
    """Layers, output shapes and numbers of parameters, with their totals.

    Examples
    --------
    >>> import mlp
    >>> print(table(mlp.Sequential([mlp.layers.Dense(20, input_shape=(2,)), mlp.layers.Dense(1)])))
    Model: "sequential"
    ┌─────────────────┬──────────────┬─────────┐
    │ Layer (type)    │ Output Shape │ Param # │
    ├─────────────────┼──────────────┼─────────┤
    │ dense (Dense)   │ (None, 20)   │      60 │
    │ dense_1 (Dense) │ (None, 1)    │      21 │
    └─────────────────┴──────────────┴─────────┘
     Total params: 81 (324.00 B)
     Trainable params: 81 (324.00 B)
     Non-trainable params: 0 (0.00 B)
    """
    head = ("Layer (type)", "Output Shape", "Param #")
    rows = [
        (
            f"{layer.name} ({type(layer).__name__})",
            f"(None, {', '.join(map(str, layer.output_shape))})" if layer.built else "?",
            f"{layer.count_params():,}" if layer.built else "0 (unbuilt)",
        )
        for layer in model.layers
    ]
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(3)]

    def line(left: str, middle: str, right: str) -> str:
        return left + middle.join("─" * (width + 2) for width in widths) + right

    def cells(row: tuple[str, str, str]) -> str:
        name, shape, count = row
        return f"│ {name:<{widths[0]}} │ {shape:<{widths[1]}} │ {count:>{widths[2]}} │"

    totals = [
        sum(value.size for value in weights)
        for weights in (model.weights, model.trainable_weights, model.non_trainable_weights)
    ]
    total, trainable, kept = (
        f"{n:,} ({in_bytes(n * (4 if model.dtype == 'float32' else 8))})" for n in totals
    )
    return "\n".join(
        (
            f'Model: "{model.name}"',
            line("┌", "┬", "┐"),
            cells(head),
            line("├", "┼", "┤"),
            *map(cells, rows),
            line("└", "┴", "┘"),
            f" Total params: {total}",
            f" Trainable params: {trainable}",
            f" Non-trainable params: {kept}",
            *([f" Engine: {model.engine_in_use}"] if model.built and model.compiled else []),
        )
    )


def in_bytes(count: float) -> str:
    """A size for people, in Keras's form.

    Examples
    --------
    >>> in_bytes(324), in_bytes(940_584)
    ('324.00 B', '918.54 KB')
    """
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024 or unit == "GB":
            break
        count /= 1024
    return f"{count:.2f} {unit}"
