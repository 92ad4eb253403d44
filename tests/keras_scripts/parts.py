"""Losses, metrics, activations and schedules by themselves, away from any model."""

import keras
import numpy as np

y_true = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
y_pred = np.array([[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]])

metric = keras.metrics.CategoricalAccuracy()
metric.update_state(y_true, y_pred)
metric.update_state(y_true[:1], y_pred[:1], sample_weight=[2.0])
accuracy = float(metric.result())
metric.reset_state()

schedule = keras.optimizers.schedules.PolynomialDecay(0.1, 10, end_learning_rate=0.01, power=2.0)
loss = keras.losses.get("categorical_focal_crossentropy")
config = keras.losses.Huber(delta=2.0, reduction="sum").get_config()

results = {
    "accuracy": accuracy,
    "after reset": float(metric.result()),
    "crossentropy": float(keras.losses.CategoricalCrossentropy()(y_true, y_pred)),
    "weighted": float(keras.losses.MeanSquaredError()(y_true, y_pred, sample_weight=[1.0, 3.0])),
    "each": np.asarray(keras.losses.KLDivergence(reduction="none")(y_true, y_pred)),
    "function": np.asarray(keras.losses.mean_absolute_error(y_true, y_pred)),
    "focal": np.asarray(loss(y_true, y_pred)).mean(),
    "huber": float(keras.losses.Huber.from_config(config)(y_true, y_pred)),
    "gelu": np.asarray(keras.activations.gelu(np.array([[-1.0, 0.0, 2.0]]), approximate=True)),
    "selu": np.asarray(keras.activations.get("selu")(np.array([[-1.0, 0.0, 2.0]]))),
    "penalty": float(keras.regularizers.L2(0.1)(np.ones((2, 2)))),
    "projected": np.asarray(keras.constraints.NonNeg()(np.array([[-1.0, 2.0]]))),
    "rates": [float(schedule(step)) for step in (0, 5, 10, 20)],
    "normalized": np.asarray(keras.utils.normalize(np.array([[3.0, 4.0]]))),
}
