"""What tests of losses share: a model of one layer, and the loss and the delta of an output layer."""

import numpy as np

from mlp import Sequential, activations, layers, losses

FLOATS = ("float32", "float64")
X = np.random.default_rng(0).normal(size=(40, 2))


def model_of(units, activation, loss, **options):
    model = Sequential([layers.Dense(units, activation, input_shape=(2,))], seed=0, **options)
    model.compile("adam", loss)
    model.optimizer.learning_rate = 0.05
    return model


def prepared(loss, activation, units, T, dtype="float64"):
    """The loss bound to an output layer, its encoded targets, and buffers."""
    dtype, activation = np.dtype(dtype), activations.get(activation)
    losses.pair(loss, activation, units, dtype)
    T = loss.encode(loss.as_target(T, units, dtype))
    activation.attach(units, dtype, len(T))
    loss.allocate(len(T))
    return activation, T


def loss_and_delta(loss, activation, net, T, weight=None, dtype="float64"):
    net = np.array(net, dtype)
    activation, T = prepared(loss, activation, net.shape[1], T, dtype)
    out = activation.f(net, np.empty_like(net))
    weight = np.ones((), dtype) if weight is None else np.array(weight, dtype)
    value = loss.total(activation, net, out, T, weight)
    return value, loss.delta(activation, net, out, T, weight, np.empty_like(net))
