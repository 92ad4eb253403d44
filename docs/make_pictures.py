"""Make docs/circles.png, the picture in the README: ``python docs/make_pictures.py``."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from sklearn.datasets import make_circles

from mlp import Sequential, layers, losses, optimizers

FOLDER = Path(__file__).parent
EPOCHS = 100
# colours that people with any kind of colour vision tell apart; Okabe and Ito (2008)
BLUE, ORANGE, INK, FAINT = "#0072B2", "#D55E00", "#333333", "#DDDDDD"
SHADES = LinearSegmentedColormap.from_list("outer to inner", ["#FADCC4", "#FFFFFF", "#A9D0EA"])
LOOPS = {  # by batch size: name and colour
    "full": ("full batch\n100 steps", INK),
    10: ("minibatches of 10\n1,000 steps", BLUE),
    1: ("stochastic\n10,000 steps", ORANGE),
}
STYLE = {
    "axes.edgecolor": INK, "axes.labelcolor": INK, "axes.titlecolor": INK, "axes.titlesize": 11,
    "axes.spines.top": False, "axes.spines.right": False, "font.size": 10, "text.color": INK,
    "xtick.color": INK, "ytick.color": INK, "figure.constrained_layout.use": True,
}  # fmt: skip


def lecture_network() -> Sequential:
    """The lecture's network: 81 parameters, from the same start each time."""
    model = Sequential(seed=1)
    model.add(layers.Input(shape=(2,)))
    model.add(layers.Dense(20, activation="relu"))
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile(optimizers.SGD(learning_rate=0.1), losses.binary_crossentropy)
    return model


def draw_boundary(axes: Axes, model: Sequential, X: np.ndarray, t: np.ndarray) -> None:
    """The points, and behind them how probable the network finds the inner circle at each place."""
    ticks = np.linspace(-1.5, 1.5, 201)
    places = np.stack(np.meshgrid(ticks, ticks), axis=-1)
    probability = model.predict(places.reshape(-1, 2)).reshape(201, 201)
    axes.contourf(ticks, ticks, probability, np.linspace(0, 1, 11), cmap=SHADES)
    axes.contour(ticks, ticks, probability, [0.5], colors=INK, linewidths=1.5)
    for label, name, colour, marker in ((1, "inner, t = 1", BLUE, "o"), (0, "outer, t = 0", ORANGE, "s")):
        x1, x2 = X[t == label].T
        axes.scatter(x1, x2, 22, colour, marker=marker, label=name, edgecolors="white", linewidths=0.6)
    axes.set(xlabel="$x_1$", ylabel="$x_2$", xticks=(-1, 0, 1), yticks=(-1, 0, 1), aspect="equal")
    axes.legend(
        loc="lower right", fontsize=9, handletextpad=0.1, borderpad=0.4, framealpha=1, edgecolor=FAINT
    )
    axes.set_title("The network's decision boundary")


def draw_losses(axes: Axes, losses_of: dict[int | str, list[float]]) -> None:
    """Loss against epochs, one line a training loop, with its name at its end."""
    for batch_size, values in losses_of.items():
        name, colour = LOOPS[batch_size]
        axes.plot(range(1, EPOCHS + 1), values, color=colour, linewidth=2)
        end = EPOCHS, values[-1]
        axes.annotate(name, end, (6, 0), textcoords="offset points", color=colour, va="center")
    axes.set(xlabel="epoch", ylabel="binary cross-entropy", xlim=(0, EPOCHS), yscale="log")
    axes.set_yticks((0.01, 0.1, 1), ("0.01", "0.1", "1"))
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_title("Three training loops, one learning rate")


def draw_circles() -> None:
    """Both panels, 900 × 360 pixels; the boundary is that of the minibatches."""
    X, t = make_circles(n_samples=100, noise=0.15, factor=0.3, random_state=1)
    models = {batch_size: lecture_network() for batch_size in LOOPS}
    losses_of = {
        batch_size: model.fit(X, t, batch_size=batch_size, epochs=EPOCHS, verbose=0).history["loss"]
        for batch_size, model in models.items()
    }
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), dpi=100, width_ratios=(1, 1.25))
    draw_boundary(left, models[10], X, t)
    draw_losses(right, losses_of)
    figure.savefig(FOLDER / "circles.png", metadata={"Software": None})


if __name__ == "__main__":
    with plt.rc_context(STYLE | {"backend": "agg"}):
        draw_circles()
