"""Three classes as one-hot rows, with batch normalization, penalties, bounds and class weights."""

import keras
import numpy as np
from keras import constraints, layers, regularizers
from keras.models import Sequential

rng = np.random.default_rng(0)
x = rng.normal(size=(150, 4)).astype("float32")
labels = np.argmax(x[:, :3] + 0.5 * rng.normal(size=(150, 3)), axis=1)
y = keras.utils.to_categorical(labels, num_classes=3)

model = Sequential(name="classifier")
model.add(layers.Input(shape=(4,)))
model.add(layers.Dense(12, kernel_regularizer=regularizers.l2(0.01), use_bias=False, name="hidden"))
model.add(layers.BatchNormalization(momentum=0.9))
model.add(layers.Activation("relu"))
model.add(layers.Dense(8, activation="elu", kernel_constraint=constraints.MaxNorm(1.0)))
model.add(layers.LayerNormalization())
model.add(layers.Dense(3, activation="softmax", bias_regularizer="l1"))
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.05, momentum=0.9, nesterov=True, clipnorm=1.0),
    loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
    metrics=["accuracy", "mse", keras.metrics.TopKCategoricalAccuracy(k=2, name="top2")],
    weighted_metrics=["accuracy"],
)

start = np.random.default_rng(1)
for layer in model.layers:
    if isinstance(layer, layers.Dense):
        layer.set_weights([start.uniform(-0.5, 0.5, w.shape) for w in layer.get_weights()])

history = model.fit(
    x,
    y,
    batch_size=25,
    epochs=6,
    class_weight={0: 1.0, 1: 2.0, 2: 0.5},
    validation_data=(x[:50], y[:50]),
    shuffle=False,
    verbose=0,
)
scores = model.evaluate(x, y, verbose=0, return_dict=True)

results = {
    "history": history.history,
    "evaluate": scores,
    "predictions": model.predict(x[:5], verbose=0),
    "moving_mean": model.get_layer("batch_normalization").get_weights()[2],
    "parameters": model.count_params(),
    "shapes": [list(w.shape) for w in model.get_weights()],
}
