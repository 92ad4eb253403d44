"""Everything that is random while it trains: dropout, noise; a seed, and the table of the model."""

import keras
import numpy as np
from keras import initializers, layers

keras.utils.set_random_seed(812)

rng = np.random.default_rng(0)
x = rng.normal(size=(300, 8)).astype("float32")
y = (x[:, :1] > 0).astype("float32")

model = keras.Sequential(
    [
        layers.Input(shape=(8,)),
        layers.GaussianNoise(0.1),
        layers.Dense(64, activation="selu", kernel_initializer=initializers.LecunNormal()),
        layers.AlphaDropout(0.1),
        layers.Dense(64, kernel_regularizer=keras.regularizers.L1L2(1e-5, 1e-4), activity_regularizer="l2"),
        layers.BatchNormalization(),
        layers.LeakyReLU(negative_slope=0.1),
        layers.Dropout(0.3),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.summary()
model.compile(optimizer="adamw", loss="bce", metrics=["acc", keras.metrics.Recall()])
history = model.fit(x, y, epochs=12, batch_size=32, validation_split=0.2, verbose=2)

results = {
    "accuracy": history.history["acc"][-1],
    "names": list(history.history),
    "layers": [layer.name for layer in model.layers],
    "trainable": sum(int(np.prod(w.shape)) for w in model.trainable_weights),
    "kept": sum(int(np.prod(w.shape)) for w in model.non_trainable_weights),
    "parameters": model.count_params(),
}
