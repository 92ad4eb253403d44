"""Networks, data and options as Hypothesis draws them: of everything that the package has."""

import copy

import numpy as np
from examples import ACTIVATIONS, CONSTRAINTS, LOSSES, METRICS, OPTIMIZERS, OUTPUTS, REGULARIZERS, example
from examples import ONE_HOT as TARGETS
from hypothesis import strategies as st
from layer_examples import slope_of_tripled, tripled

from mlp import Sequential, activations, layers, losses, metrics, optimizers

ROWS = 30
# several units make one output of these, so not any number will do; and what has no slope, or jumps
PAIRING = (activations.GLU, activations.Maxout)
ROUGH = (activations.Threshold, activations.Sign, activations.HardShrink, activations.ThresholdedLinear)
FUNCTIONS = [kind for kind in ACTIVATIONS if kind not in PAIRING]
SMOOTH = [kind for kind in FUNCTIONS if kind not in ROUGH]
NOISE = ["Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise"]

seeds = st.integers(0, 2**32 - 1)
shares = st.floats(0.1, 0.6)


def chance(draw, make, value=None):
    """`make()` in one case of three, so that most layers are plain."""
    return make() if draw(st.integers(0, 2)) == 0 else value


def part(draw, kinds):
    return example(draw(st.sampled_from(list(kinds))))


def dense(draw, units, kinds, constrained=True):
    return layers.Dense(
        units,
        part(draw, kinds),
        use_bias=draw(st.booleans()),
        bias_initializer="random_normal",  # so that no net stands exactly at a bend
        kernel_regularizer=chance(draw, lambda: part(draw, REGULARIZERS)),
        bias_regularizer=chance(draw, lambda: "l2"),
        activity_regularizer=chance(draw, lambda: draw(st.sampled_from(["l1", "l2"]))),
        kernel_constraint=chance(draw, lambda: part(draw, CONSTRAINTS)) if constrained else None,
    )


def normalization(draw):
    kind = draw(st.sampled_from(["Batch", "Layer", "Group", "RMS", "Unit"]))
    options = {"groups": draw(st.integers(1, 3))} if kind == "Group" else {}
    return getattr(layers, f"{kind}Normalization")(**options)


def noise(draw):
    seed = chance(draw, lambda: draw(seeds))
    return getattr(layers, draw(st.sampled_from(NOISE)))(draw(shares), seed=seed)


def other(draw):
    return draw(
        st.sampled_from(
            [
                lambda: layers.PReLU("random_normal"),
                lambda: layers.Activation(part(draw, SMOOTH)),
                lambda: layers.ActivityRegularization(0.01, 0.02),
                lambda: layers.Rescaling(0.5, 0.1),
                lambda: layers.Normalization(mean=0.1, variance=2.0),
                lambda: layers.Columns([0, 0, 0]),
                lambda: layers.Lambda(tripled, slope=slope_of_tripled),
                lambda: layers.Flatten(),
                lambda: layers.Identity(),
                lambda: layers.Dense(4, activations.Maxout(2)),
                lambda: layers.Dense(4, activations.GLU()),
                lambda: layers.Dense(3, "tanh", trainable=False),
            ]
        )
    )()


def block(draw, kinds, constrained):
    inner = [dense(draw, 3, kinds, constrained), normalization(draw)]
    return draw(
        st.sampled_from(
            [
                lambda: layers.Residual([*inner, layers.Dense(draw(st.integers(1, 3)), name="last")]),
                lambda: layers.Concatenate([inner, [], layers.Dense(2, "tanh")]),
            ]
        )
    )()


@st.composite
def stacks(draw, kinds=FUNCTIONS, noisy=True, constrained=True):
    """Zero to four layers. Some do not fit each other."""
    makers = [
        lambda: dense(draw, draw(st.integers(1, 6)), kinds, constrained),
        lambda: normalization(draw),
        lambda: other(draw),
        lambda: block(draw, kinds, constrained),
        *([lambda: noise(draw)] if noisy else []),
    ]
    return [make() for make in draw(st.lists(st.sampled_from(makers), max_size=4))]


@st.composite
def problems(draw, weights=True):
    """A loss, how many outputs it wants of which activation, and rows to learn from."""
    kind = draw(st.sampled_from(list(LOSSES)))
    loss = chance(draw, lambda: example(kind), None) if kind is not losses.Masked else example(kind)
    if loss is None:  # a mean over the batch, as is usual
        loss = kind(**{name: v for name, v in LOSSES[kind].items() if name not in ("reduction", "name")})
    units, output, T = OUTPUTS.get(kind, (3, "linear", TARGETS))
    rows = np.random.default_rng(draw(seeds)).permutation(ROWS)[: draw(st.integers(3, ROWS))]
    X = np.random.default_rng(draw(seeds)).normal(size=(len(rows), draw(st.integers(1, 4))))
    return loss, units, output, X, T[rows]


@st.composite
def rules(draw):
    return copy.deepcopy(example(draw(st.sampled_from(list(OPTIMIZERS)))))


@st.composite
def cases(draw, kinds=FUNCTIONS, noisy=True, constrained=True, dtype=None):
    """A compiled model, which may not be buildable, with inputs and targets for its loss."""
    loss, units, output, X, T = draw(problems())
    model = Sequential(
        [
            *draw(stacks(kinds, noisy, constrained)),
            layers.Dense(units, output, bias_initializer="random_normal"),
        ],
        dtype=dtype or draw(st.sampled_from(["float32", "float64"])),
        seed=draw(seeds),
    )
    measured = draw(st.lists(st.sampled_from(list(METRICS)), max_size=2, unique=True))
    reported = [example(kind) if kind is not metrics.MeanMetricWrapper else "mae" for kind in measured]
    for number, metric in enumerate(reported):
        if not isinstance(metric, str):
            metric.name = f"metric_{number}"
    model.compile(draw(rules()), loss, metrics=reported, engine=draw(st.sampled_from(["numpy", "auto"])))
    return model, X, T


fits = st.fixed_dictionaries(
    {"epochs": st.integers(0, 3), "verbose": st.just(0)},
    optional={
        "batch_size": st.sampled_from([1, 2, 5, 7, "full", None]),
        "shuffle": st.booleans(),
        "validation_split": st.sampled_from([0.0, 0.3, 0.5]),
        "validation_freq": st.sampled_from([1, 2, [1, 3]]),
        "validation_batch_size": st.sampled_from([1, 4]),
        "steps_per_epoch": st.integers(1, 4),
        "class_weight": st.sampled_from(["balanced", {0: 2.0}]),
        "initial_epoch": st.integers(0, 1),
        "sample_weight": st.lists(st.floats(0, 2, width=32), min_size=3, max_size=4),
    },
)


def for_solver(options) -> dict:
    """The options without those that a solver refuses."""
    return {name: value for name, value in options.items() if name not in ("batch_size", "steps_per_epoch")}


def fit(model, X, T, options):
    """Fit with options that Hypothesis has drawn; short weights are repeated for all rows."""
    options = dict(for_solver(options) if isinstance(model.optimizer, optimizers.Solver) else options)
    if "sample_weight" in options:
        options["sample_weight"] = np.resize(options["sample_weight"], len(X))
    return model.fit(X, T, **options)
