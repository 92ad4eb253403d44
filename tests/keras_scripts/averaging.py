"""What an optimizer of Keras can do beside its rule: decay, averages, accumulated gradients."""

import keras
import numpy as np
from keras import layers, optimizers

rng = np.random.default_rng(0)
x = rng.normal(size=(96, 3)).astype("float32")
y = np.sin(x @ np.ones((3, 1))).astype("float32")

results = {}
for name, optimizer in {
    "averaged": optimizers.Adam(0.02, use_ema=True, ema_momentum=0.9),
    "overwritten": optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=4),
    "accumulated": optimizers.SGD(0.1, momentum=0.5, gradient_accumulation_steps=3),
    "decayed": optimizers.SGD(0.1, weight_decay=0.1, global_clipnorm=0.5),
    "cosine": optimizers.Adam(optimizers.schedules.CosineDecay(0.0, 20, warmup_target=0.05, warmup_steps=5)),
}.items():
    model = keras.Sequential([layers.Input((3,)), layers.Dense(8, "tanh"), layers.Dense(1)])
    start = np.random.default_rng(1)
    model.set_weights([start.uniform(-0.5, 0.5, w.shape) for w in model.get_weights()])
    model.compile(optimizer, "mean_squared_error")
    history = model.fit(x, y, batch_size=16, epochs=4, shuffle=False, verbose=0, validation_data=(x, y))
    results[name] = {"history": history.history, "predictions": model.predict(x[:5], verbose=0)}
