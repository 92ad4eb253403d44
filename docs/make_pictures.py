"""Make the pictures of the README and of docs/: ``python docs/make_pictures.py``.

circles.png, in the README: the lecture's network on two circles, and the three training loops.
red_and_blue.png, in red_and_blue.md: nets of one, two and three hidden layers on four clusters.
"""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from sklearn.datasets import make_circles

from mlp import Sequential, layers, losses, optimizers, utils

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


def draw_boundary(
    axes: Axes, model: Sequential, X: np.ndarray, t: np.ndarray, ends: tuple, blue: int
) -> None:
    """The points, and behind them how probable the network finds class 1 at each place.

    `ends` are the least and the largest x₁ and x₂ to be seen; `blue` is the class with blue dots.
    """
    ticks = np.linspace(*ends, 201)
    places = np.stack(np.meshgrid(ticks, ticks), axis=-1)
    probability = model.predict(places.reshape(-1, 2))[:, -1].reshape(201, 201)
    axes.contourf(
        ticks, ticks, probability, np.linspace(0, 1, 11), cmap=SHADES if blue else SHADES.reversed()
    )
    axes.contour(ticks, ticks, probability, [0.5], colors=INK, linewidths=1.5)
    for label, colour, marker in ((blue, BLUE, "o"), (1 - blue, ORANGE, "s")):
        x1, x2 = X[t == label].T
        axes.scatter(x1, x2, 22, colour, marker=marker, edgecolors="white", linewidths=0.6)
    axes.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    axes.set(xticks=range(math.ceil(ends[0]), math.floor(ends[1]) + 1))
    axes.set(yticks=axes.get_xticks())


def name_classes(axes: Axes, *names: str) -> None:
    """A legend: what the blue dots are, and what the orange squares."""
    axes.legend(
        axes.collections[-2:], names, loc="lower right", fontsize=9, handletextpad=0.1, borderpad=0.4,
        framealpha=1, edgecolor=FAINT,
    )  # fmt: skip


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
    draw_boundary(left, models[10], X, t, (-1.5, 1.5), blue=1)
    name_classes(left, "inner, t = 1", "outer, t = 0")
    left.set_title("The network's decision boundary")
    draw_losses(right, losses_of)
    figure.savefig(FOLDER / "circles.png", metadata={"Software": None})


def four_clusters() -> tuple[np.ndarray, np.ndarray]:
    """Red points, class 1, around (0, 0) and (1, 1), blue ones, class 0, around (0, 1) and (1, 0)."""
    centres = np.repeat([[0, 0], [1, 1], [0, 1], [1, 0]], 25, axis=0)
    return centres + 0.2 * np.random.default_rng(0).normal(size=(100, 2)), np.repeat([1, 0], 50)


def sigmoid_network(depth: int) -> Sequential:
    """Hidden layers of two sigmoid units, two softmax units, standard normal numbers to begin with."""
    model = Sequential([layers.Input((2,))], dtype="float64")
    for units, activation in [(2, "sigmoid")] * depth + [(2, "softmax")]:
        model.add(layers.Dense(units, activation=activation))
    model.compile(optimizers.SGD(0.01), losses.CategoricalCrossentropy(reduction="sum"))
    rng = np.random.default_rng(11)
    model.set_weights([rng.normal(size=W.shape) for W in model.get_weights()])
    return model


def draw_red_and_blue() -> None:
    """Three panels, 900 × 370 pixels: one, two and three hidden layers after 3000 steps."""
    X, t = four_clusters()
    figure, panels = plt.subplots(1, 3, figsize=(9, 3.7), dpi=100, sharey=True)
    for depth, axes in enumerate(panels, start=1):
        model = sigmoid_network(depth)
        history = model.fit(X, utils.to_categorical(t), batch_size="full", epochs=3000, verbose=0)
        draw_boundary(axes, model, X, t, (-0.8, 1.8), blue=0)
        axes.label_outer()
        name = ("one hidden layer", "two hidden layers", "three hidden layers")[depth - 1]
        axes.set_title(f"{name}\nsummed loss {history.history['loss'][-1]:.1f}")
    name_classes(panels[0], "blue", "red")
    figure.savefig(FOLDER / "red_and_blue.png", metadata={"Software": None})


if __name__ == "__main__":
    with plt.rc_context(STYLE | {"backend": "agg"}):
        draw_circles()
        draw_red_and_blue()
