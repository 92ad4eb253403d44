"""Two classes, one output: the first script of most tutorials."""

import keras
import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=(200, 2)).astype("float32")
y = (x[:, 0] * x[:, 1] > 0).astype("float32")

model = keras.Sequential(
    [
        keras.Input(shape=(2,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(16, activation="tanh"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(learning_rate=0.01),
    loss="binary_crossentropy",
    metrics=["accuracy", keras.metrics.AUC(name="auc"), keras.metrics.Precision(name="precision")],
)

start = np.random.default_rng(1)
model.set_weights([start.uniform(-0.5, 0.5, w.shape) for w in model.get_weights()])

history = model.fit(x, y, batch_size=20, epochs=8, validation_split=0.25, shuffle=False, verbose=0)
loss, accuracy, auc, precision = model.evaluate(x, y, verbose=0)
probabilities = model.predict(x, verbose=0)
classes = (probabilities > 0.5).astype("int32")

results = {
    "history": history.history,
    "evaluate": [loss, accuracy, auc, precision],
    "predictions": probabilities[:5],
    "positive": int(classes.sum()),
    "parameters": model.count_params(),
}
