"""Golden values of layers."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import torch
from keras.src import backend
from peers import TYPES, use
from torch.nn import functional

ROWS, COLUMNS = 6, 4
PENALTIES = {
    "kernel_regularizer": ("L1L2", {"l1": 0.1, "l2": 0.2}),
    "bias_regularizer": ("L2", {"l2": 0.3}),
    "activity_regularizer": ("L1L2", {"l1": 0.05, "l2": 0.15}),
}
FIGURES = {"mean": [1.0, -2.0, 0.5, 3.0], "variance": [2.0, 0.1, 1.0, 0.0]}
# class, arguments (a regularizer as its name and arguments), shape of a row
CASES = {
    "dense": ("Dense", {"units": 3, "activation": "tanh", **PENALTIES}, [4]),
    "batch": ("BatchNormalization", {}, [4]),
    "batch, others": (
        "BatchNormalization",
        {
            "momentum": 0.6, "epsilon": 0.1, "scale": False, "moving_mean_initializer": "ones",
            "beta_regularizer": ("L1L2", {"l1": 0.1, "l2": 0.2}),
        },
        [4],
    ),
    "batch without center": (
        "BatchNormalization", {"center": False, "gamma_regularizer": ("L2", {"l2": 0.1})}, [4],
    ),
    "batch of rank 3": ("BatchNormalization", {"momentum": 0.5}, [2, 3]),
    "frozen batch": ("BatchNormalization", {"trainable": False}, [4]),
    "layer": ("LayerNormalization", {}, [4]),
    "layer, others": ("LayerNormalization", {"epsilon": 0.1, "center": False}, [4]),
    "bare layer": ("LayerNormalization", {"center": False, "scale": False}, [4]),
    "layer of rank 3": ("LayerNormalization", {"axis": [-1]}, [2, 3]),
    "group": ("GroupNormalization", {"groups": 2}, [4]),
    "group, others": ("GroupNormalization", {"groups": 1, "epsilon": 0.1, "scale": False}, [4]),
    "rms": ("RMSNormalization", {}, [4]),
    "rms, others": ("RMSNormalization", {"epsilon": 0.1}, [2, 3]),
    "unit": ("UnitNormalization", {}, [4]),
    "activity": ("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, [4]),
    "noise": ("GaussianNoise", {"stddev": 0.3}, [4]),
    "gaussian dropout": ("GaussianDropout", {"rate": 0.3}, [4]),
    "alpha dropout": ("AlphaDropout", {"rate": 0.4}, [4]),
    "normalization": ("Normalization", FIGURES, [4]),
    "inverted normalization": ("Normalization", FIGURES | {"invert": True}, [4]),
    "one normalization": ("Normalization", {"axis": None, "mean": 1.5, "variance": 3.0}, [2, 3]),
    "normalization of axis 1": (
        "Normalization", {"axis": 1, "mean": [1.5, 2.0], "variance": [3.0, 0.2]}, [2, 3],
    ),
    "rescaling": ("Rescaling", {"scale": 0.3, "offset": -1.5}, [4]),
    "reshape": ("Reshape", {"target_shape": [3, -1]}, [2, 3]),
    "permute": ("Permute", {"dims": [2, 1]}, [2, 3]),
    "repeat": ("RepeatVector", {"n": 3}, [4]),
    "flatten": ("Flatten", {}, [2, 3]),
    "identity": ("Identity", {}, [4]),
    "relu": ("ReLU", {"max_value": 1.5, "negative_slope": 0.1, "threshold": 0.2}, [4]),
    "plain relu": ("ReLU", {}, [4]),
    "leaky": ("LeakyReLU", {}, [4]),
    "prelu": ("PReLU", {"alpha_initializer": "ones", "alpha_regularizer": ("L2", {"l2": 0.3})}, [4]),
    "elu": ("ELU", {"alpha": 0.7}, [4]),
    "softmax": ("Softmax", {}, [4]),
}  # fmt: skip
EMBEDDINGS = {
    "embedding": ("Embedding", {"input_dim": 5, "output_dim": 3}, [2]),
    "embedding, others": (
        "Embedding", {"input_dim": 5, "output_dim": 2, "embeddings_regularizer": ("L2", {"l2": 0.3})}, [1],
    ),
}  # fmt: skip
TORCH = {
    "batch": lambda X, gamma, beta, *_: functional.batch_norm(X, None, None, gamma, beta, True, 0.1, 0.001),
    "layer": lambda X, gamma, beta: functional.layer_norm(X, (4,), gamma, beta, 0.001),
    "layer of rank 3": lambda X, gamma, beta: functional.layer_norm(X, (3,), gamma, beta, 0.001),
    "group": lambda X, gamma, beta: functional.group_norm(X, 2, gamma, beta, 0.001),
    "rms": lambda X, scale: functional.rms_norm(X, (4,), scale, 1e-6),
    "unit": lambda X: functional.normalize(X, dim=-1),
    "embedding": lambda X, table: functional.embedding(X.long(), table),
}


def layers():
    """Of each layer what goes in, what comes out and the gradients of Σ out ∘ grad + penalties."""
    rng = np.random.default_rng(11)
    golden = {"numbers": rng.normal(size=(ROWS, COLUMNS)), "uniform": rng.random((ROWS, COLUMNS))}
    draw_from(golden)
    for name, (kind, config, shape) in (CASES | EMBEDDINGS).items():
        inputs = [rng.normal(0.3, 1.5, (ROWS, *shape)).round(2) for _ in range(3)]
        if kind == "Embedding":
            inputs = [rng.integers(0, 5, (ROWS, *shape)) for _ in range(3)]
        use("float64")
        layer = make(kind, config)
        layer.build((None, *shape))
        weights = [rng.uniform(0.3, 1.5, w.shape).round(3) for w in layer.get_weights()]
        grad = rng.uniform(-2, 2, layer(inputs[0]).shape).round(3)
        case = {"class": kind, "config": config, "X": inputs, "weights": weights, "grad": grad}
        for dtype in TYPES:
            case[dtype] = by_keras(kind, config, inputs, weights, grad, dtype)
            if name in TORCH:
                case[dtype]["torch"] = by_torch(TORCH[name], inputs[0], weights, grad, dtype)
        golden[name] = case
    adapted = rng.normal(3, 2, (9, 4)).round(2)
    layer = keras.layers.Normalization()
    layer.adapt(adapted)
    golden["adapted"] = {"data": adapted, "weights": layer.get_weights()[:2], "out": layer(adapted)}
    return golden


def draw_from(golden):
    """Have Keras draw these numbers, for the layers that add noise."""

    def normal(shape, mean, stddev, dtype, seed):
        return mean + stddev * jnp.asarray(golden["numbers"], dtype)

    def uniform(shape, *args, **options):
        if tuple(shape) != (ROWS, COLUMNS):
            return draw(shape, *args, **options)
        return jnp.asarray(golden["uniform"], keras.backend.floatx())

    draw = keras.src.ops.random.uniform
    backend.random.normal, keras.src.ops.random.uniform = normal, uniform


def make(kind, config):
    values = {
        name: getattr(keras.regularizers, value[0])(**value[1]) if isinstance(value, tuple) else value
        for name, value in config.items()
    }
    return getattr(keras.layers, kind)(**values)


def by_keras(kind, config, inputs, weights, grad, dtype):
    use(dtype)
    layer = make(kind, config)
    layer.build((None, *np.shape(inputs[0])[1:]))
    layer.set_weights(weights)
    model = keras.Sequential([keras.layers.Input(np.shape(inputs[0])[1:]), layer])
    trained = [w.value for w in layer.trainable_variables]
    kept = [w.value for w in layer.non_trainable_variables]
    X, G = jnp.asarray(inputs[0], dtype), jnp.asarray(grad, dtype)

    def objective(parameters, X):
        # of a model, as a layer's own stateless_call leaves its activity regularizer out
        out, *_, penalties = model.stateless_call(parameters, kept, X, training=True, return_losses=True)
        return (out * G).sum() + sum(penalties), (out, sum(penalties))

    (_, (out, penalty)), grads = jax.value_and_grad(objective, (0, 1), has_aux=True)(trained, X)
    golden = {"out": out, "inference": layer(X), "penalty": float(penalty), "dX": grads[1], "grads": grads[0]}
    for batch in inputs if kept else ():
        model(jnp.asarray(batch, dtype), training=True)
    golden["weights"] = layer.get_weights() if kept else []
    if kind == "Embedding":
        del golden["dX"]
    return as_arrays(golden)


def by_torch(f, X, weights, grad, dtype):
    X = torch.tensor(X.astype(dtype), requires_grad=True)
    weights = [torch.tensor(w.astype(dtype), requires_grad=True) for w in weights]
    out = f(X, *weights)
    out.backward(torch.tensor(grad.astype(dtype)))
    grads = [w.grad for w in weights if w.grad is not None]
    return as_arrays({"out": out.detach(), "grads": grads} | ({} if X.grad is None else {"dX": X.grad}))


def as_arrays(golden):
    return {
        name: [np.asarray(item) for item in value] if isinstance(value, list)
        else value if isinstance(value, float) else np.asarray(value)
        for name, value in golden.items()
    }  # fmt: skip
