"""Hardly an argument: what `compile` and `fit` do by themselves."""

import keras
import numpy as np

x = np.linspace(-1, 1, 96).reshape(-1, 3)
y = x.sum(axis=1)

model = keras.Sequential([keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])
model.compile(loss="mse")
model.build((None, 3))

start = np.random.default_rng(1)
model.set_weights([start.uniform(-0.5, 0.5, w.shape) for w in model.get_weights()])

history = model.fit(x, y, shuffle=False, verbose=0)
rate = float(model.optimizer.learning_rate)
model.optimizer.learning_rate = 0.01

results = {
    "history": history.history,
    "epochs": history.epoch,
    "optimizer": type(model.optimizer).__name__,
    "learning_rate": rate,
    "iterations": int(model.optimizer.iterations),
    "metrics_names": model.metrics_names[:1],
    "evaluate": model.evaluate(x, y, verbose=0),
    "losses": [
        model.train_on_batch(x[:10], y[:10]),
        model.test_on_batch(x[:10], y[:10]),
    ],
    "predictions": model.predict_on_batch(x[:5]),
}
