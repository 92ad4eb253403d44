"""Integer columns: Embedding and Flatten; labels, and outputs that are not yet probabilities."""

import keras
import numpy as np
from keras.layers import Dense, Embedding, Flatten
from keras.optimizers import Adam

rng = np.random.default_rng(0)
x = rng.integers(0, 10, size=(120, 3))
y = (x.sum(axis=1) // 10).astype("int32")

model = keras.models.Sequential()
model.add(keras.Input(shape=(3,), dtype="int32"))
model.add(Embedding(input_dim=10, output_dim=4))
model.add(Flatten())
model.add(Dense(16, activation="swish", kernel_initializer="he_normal", bias_initializer="zeros"))
model.add(Dense(3))

start = np.random.default_rng(1)
model.set_weights([start.uniform(-0.5, 0.5, w.shape) for w in model.get_weights()])

model.compile(
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    optimizer=Adam(learning_rate=0.02, amsgrad=True),
    metrics=["accuracy", "sparse_top_k_categorical_accuracy"],
)
history = model.fit(x, y, batch_size=24, epochs=6, verbose=0, shuffle=False, sample_weight=1 + y / 2)
logits = model.predict(x, verbose=0)
probabilities = np.asarray(keras.activations.softmax(logits))

results = {
    "history": history.history,
    "evaluate": model.evaluate(x, y, verbose=0),
    "predictions": probabilities[:5],
    "labels": probabilities.argmax(axis=-1),
    "parameters": model.count_params(),
}
