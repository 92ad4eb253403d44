"""Examples of layers and of what stands in them; see `examples.py`."""

import numpy as np

import mlp
from mlp import activations, constraints, initializers, layers, regularizers


@mlp.register
def tripled(X):
    """A function for Lambda and MeanMetricWrapper."""
    return 3 * X


@mlp.register
def slope_of_tripled(X):
    return np.full_like(X, 3)


ACTIVATIONS = {
    activations.Blend: {"activation": activations.ELU(0.3), "alpha_initial": 0.4},
    activations.CELU: {"alpha": 0.7},
    activations.ComplementaryLogLog: {},
    activations.ELU: {"alpha": 0.7},
    activations.Elliott: {},
    activations.Exponential: {},
    activations.GELU: {"approximate": True},
    activations.GLU: {},
    activations.Gaussian: {},
    activations.GeneralReLU: {"negative_slope": 0.1, "max_value": 4.0, "threshold": 0.3},
    activations.HardShrink: {"threshold": 0.3},
    activations.HardSiLU: {},
    activations.HardSigmoid: {},
    activations.HardTanh: {},
    activations.LeakyReLU: {"negative_slope": 0.05},
    activations.LecunTanh: {},
    activations.Linear: {},
    activations.LogLog: {},
    activations.LogSigmoid: {},
    activations.LogSoftmax: {},
    activations.Maxout: {"pieces": 4},
    activations.Mish: {"scale": 1.6},
    activations.PReLU: {"alpha_initial": 0.1},
    activations.ReLU: {},
    activations.ReLU6: {},
    activations.SELU: {},
    activations.SiLU: {"scale": 1.6765},
    activations.Sigmoid: {},
    activations.Sign: {},
    activations.Sine: {"frequency": 2.0},
    activations.SoftShrink: {"threshold": 0.3},
    activations.Softmax: {},
    activations.Softplus: {},
    activations.Softsign: {},
    activations.SparsePlus: {},
    activations.SparseSigmoid: {},
    activations.Sparsemax: {},
    activations.Squareplus: {"b": 2.0},
    activations.Tanh: {},
    activations.TanhShrink: {},
    activations.Threshold: {},
    activations.ThresholdedLinear: {"threshold": 0.3, "default_value": -0.1},
}

INITIALIZERS = {
    initializers.Constant: {"value": 0.25},
    initializers.GlorotNormal: {"seed": 3},
    initializers.GlorotUniform: {"seed": 3},
    initializers.HeNormal: {"seed": 3},
    initializers.HeUniform: {"seed": 3},
    initializers.Identity: {"gain": 0.5},
    initializers.LecunNormal: {"seed": 3},
    initializers.LecunUniform: {"seed": 3},
    initializers.Ones: {},
    initializers.Orthogonal: {"gain": 0.5, "seed": 3},
    initializers.RandomNormal: {"mean": 0.1, "stddev": 0.2, "seed": 3},
    initializers.RandomUniform: {"minval": -0.3, "maxval": 0.1, "seed": 3},
    initializers.TruncatedNormal: {"mean": 0.1, "stddev": 0.2, "seed": 3},
    initializers.VarianceScaling: {"scale": 0.5, "mode": "fan_avg", "distribution": "uniform", "seed": 3},
    initializers.Zeros: {},
}

REGULARIZERS = {
    regularizers.L1: {"l1": 0.02},
    regularizers.L2: {"l2": 0.03},
    regularizers.L1L2: {"l1": 0.02, "l2": 0.03},
    regularizers.OrthogonalRegularizer: {"factor": 0.02, "mode": "columns"},
}

CONSTRAINTS = {
    constraints.MaxNorm: {"max_value": 0.7, "axis": 1},
    constraints.MinMaxNorm: {"min_value": 0.2, "max_value": 0.7, "rate": 0.5, "axis": 1},
    constraints.NonNeg: {},
    constraints.UnitNorm: {"axis": 1},
}

GIVEN = {"input_shape": (3,), "name": "mine", "trainable": False}
SCALED = {
    "epsilon": 0.01,
    "beta_initializer": initializers.Constant(0.1),
    "gamma_initializer": initializers.Constant(1.1),
    "beta_regularizer": regularizers.L2(0.02),
    "gamma_regularizer": regularizers.L1(0.02),
    "beta_constraint": constraints.NonNeg(),
    "gamma_constraint": constraints.MaxNorm(0.9),
}
LAYERS = {
    layers.Activation: {"activation": activations.PReLU(0.1), "activity_regularizer": "l2", **GIVEN},
    layers.ActivityRegularization: {"l1": 0.01, "l2": 0.02, **GIVEN},
    layers.AlphaDropout: {"rate": 0.3, "seed": 7, **GIVEN},
    layers.BatchNormalization: {
        "axis": 1,
        "momentum": 0.8,
        "moving_mean_initializer": initializers.Constant(0.2),
        "moving_variance_initializer": initializers.Constant(1.2),
        **SCALED,
        **GIVEN,
    },
    layers.Columns: {"indices": [2, 0], **GIVEN},
    layers.Concatenate: {
        "layers": [
            [layers.Dense(2, activations.ELU(0.5)), layers.Dropout(0.2, seed=3)],
            layers.BatchNormalization(momentum=0.7),
            [],
        ],
        **GIVEN,
    },
    layers.Dense: {
        "units": 5,
        "activation": activations.LeakyReLU(0.1),
        "kernel_initializer": initializers.HeNormal(seed=4),
        "bias_initializer": initializers.Constant(0.1),
        "kernel_regularizer": regularizers.L1L2(0.01, 0.02),
        "bias_regularizer": regularizers.L2(0.03),
        "activity_regularizer": regularizers.L2(0.04),
        "kernel_constraint": constraints.MaxNorm(0.8, axis=1),
        "bias_constraint": constraints.NonNeg(),
        **GIVEN,
    },
    layers.Dropout: {"rate": 0.4, "seed": 7, **GIVEN},
    layers.Embedding: {
        "input_dim": 4,
        "output_dim": 2,
        "embeddings_initializer": initializers.RandomNormal(stddev=0.3),
        "embeddings_regularizer": regularizers.L2(0.02),
        "embeddings_constraint": constraints.UnitNorm(1),
        **GIVEN,
    },
    layers.Flatten: GIVEN,
    layers.GaussianDropout: {"rate": 0.3, "seed": 7, **GIVEN},
    layers.GaussianNoise: {"stddev": 0.3, "seed": 7, **GIVEN},
    layers.GroupNormalization: {"groups": 3, "axis": 1, **SCALED, **GIVEN},
    layers.Identity: GIVEN,
    layers.Lambda: {"function": tripled, "output_shape": (3,), "slope": slope_of_tripled, **GIVEN},
    layers.LayerNormalization: {"axis": 1, **SCALED, **GIVEN},
    layers.NTKDense: {
        "units": 5,
        "activation": activations.Blend("mish"),
        "kernel_initializer": initializers.HeNormal(seed=4),
        "bias_initializer": initializers.Constant(0.1),
        "kernel_regularizer": regularizers.L1L2(0.01, 0.02),
        "bias_regularizer": regularizers.L2(0.03),
        "activity_regularizer": regularizers.L2(0.04),
        "kernel_constraint": constraints.MaxNorm(0.8, axis=1),
        "bias_constraint": constraints.NonNeg(),
        **GIVEN,
    },
    layers.Normalization: {
        "axis": 1,
        "mean": [0.1, 0.2, 0.3],
        "variance": [1.0, 2.0, 0.5],
        "invert": True,
        **GIVEN,
    },
    layers.PReLU: {
        "alpha_initializer": initializers.Constant(0.2),
        "alpha_regularizer": regularizers.L2(0.02),
        "alpha_constraint": constraints.NonNeg(),
        **GIVEN,
    },
    layers.PeriodicEmbedding: {
        "units": 3,
        "frequencies": 5,
        "stddev": 0.4,
        "include_input": False,
        **GIVEN,
    },
    layers.Permute: {"dims": (2, 1), **GIVEN, "input_shape": (3, 2)},
    layers.RMSNormalization: {"axis": 1, "epsilon": 0.01, **GIVEN},
    layers.RepeatVector: {"n": 2, **GIVEN},
    layers.Rescaling: {"scale": [0.5, 1.0, 2.0], "offset": 0.3, **GIVEN},
    layers.Reshape: {"target_shape": (3, 1), **GIVEN},
    layers.Residual: {
        "layers": [
            layers.Dense(4, "tanh"),
            layers.Residual([layers.Dense(4, activations.PReLU(0.3), name="inner"), layers.Dropout(0.2)]),
            layers.BatchNormalization(momentum=0.8),
            layers.Dense(3, trainable=False),
        ],
        **GIVEN,
    },
    layers.Scale: {
        "initializer": initializers.Constant(0.7),
        "regularizer": regularizers.L2(0.02),
        "constraint": constraints.NonNeg(),
        **GIVEN,
    },
    layers.UnitNormalization: {"axis": 1, **GIVEN},
}
