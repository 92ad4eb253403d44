"""A number from columns of different scales: Normalization, a schedule, Huber's loss."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(0)
x = (rng.normal(size=(160, 3)) * [1, 100, 0.01] + [0, 50, 0.03]).astype("float32")
y = (x[:, 0] + 0.02 * x[:, 1] - 30 * (x[:, 2] - 0.03) + 1).astype("float32")
x_train, y_train, x_test, y_test = x[:120], y[:120], x[120:], y[120:]

normalizer = layers.Normalization()
normalizer.adapt(x_train)

model = keras.Sequential([normalizer, layers.Dense(16, activation="gelu"), layers.Dense(1)])
model.build((None, 3))

start = np.random.default_rng(1)
for layer in model.layers[1:]:
    layer.set_weights([start.uniform(-0.5, 0.5, w.shape) for w in layer.get_weights()])

schedule = keras.optimizers.schedules.ExponentialDecay(0.02, decay_steps=20, decay_rate=0.8, staircase=True)
model.compile(
    optimizer=keras.optimizers.RMSprop(schedule, rho=0.8),
    loss=keras.losses.Huber(delta=0.5),
    metrics=["mae", keras.metrics.RootMeanSquaredError(), keras.metrics.R2Score()],
)
history = model.fit(
    x_train, y_train[:, None], epochs=6, batch_size=30, shuffle=False, verbose=0,
    validation_data=(x_test, y_test[:, None]),
)  # fmt: skip

results = {
    "history": history.history,
    "evaluate": model.evaluate(x_test, y_test[:, None], verbose=0),
    "predictions": model.predict(x_test[:5], verbose=0).flatten(),
    "learning_rate": float(schedule(int(model.optimizer.iterations))),
}
