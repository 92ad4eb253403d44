"""Weights out and in, a frozen base, a file, a model from a configuration."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(1)

x = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
y = x[:, :2] * 2

base = keras.Sequential([layers.Input((5,)), layers.Dense(10, "relu", name="features"), layers.Dense(2)])
base.compile("nadam", "log_cosh", metrics=["mean_absolute_error"])
base.fit(x, y, epochs=3, verbose=0)

base.save("base.keras")
loaded = keras.models.load_model("base.keras")
same = np.array_equal(base.predict(x, verbose=0), loaded.predict(x, verbose=0))

twin = keras.Sequential.from_config(base.get_config())
twin.set_weights(base.get_weights())
equal = np.allclose(base.predict(x, verbose=0), twin.predict(x, verbose=0), atol=1e-6)

loaded.get_layer("features").trainable = False
loaded.compile(keras.optimizers.Adamax(0.01), "mae")
before = loaded.get_layer("features").get_weights()
loaded.fit(x, y, epochs=2, verbose=0)
after = loaded.layers[0].get_weights()

results = {
    "same": bool(same),
    "equal": bool(equal),
    "frozen": all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)),
    "moved": not np.array_equal(base.layers[1].get_weights()[0], loaded.layers[1].get_weights()[0]),
    "shapes": [list(w.shape) for w in twin.get_weights()],
    "trainable": len(loaded.trainable_weights),
    "name": loaded.layers[0].name,
}
