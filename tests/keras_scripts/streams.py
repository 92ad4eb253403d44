"""Batches from generators and datasets: weights in them, weights of classes, steps, validation."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(0)
x = rng.normal(size=(120, 4)).astype("float32")
label = (x @ np.array([1.0, -1.0, 0.5, 0.0]) > 0).astype("int32")
weight = rng.uniform(0.5, 2.0, 120).astype("float32")


def generator(*arrays, size=8):
    while True:
        for start in range(0, len(arrays[0]), size):
            yield tuple(array[start : start + size] for array in arrays)


class Batches(keras.utils.PyDataset):
    def __init__(self, *arrays, size=16, **kwargs):
        super().__init__(**kwargs)
        self.arrays, self.size = arrays, size

    def __len__(self):
        return -(-len(self.arrays[0]) // self.size)

    def __getitem__(self, index):
        rows = slice(index * self.size, (index + 1) * self.size)
        return tuple(array[rows] for array in self.arrays)


def new_model():
    model = keras.Sequential([layers.Input((4,)), layers.Dense(6, "tanh"), layers.Dense(2, "softmax")])
    start = np.random.default_rng(1)
    model.set_weights([start.uniform(-0.5, 0.5, w.shape) for w in model.get_weights()])
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.5), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


results = {}
for name, options in {
    "generator": {"x": generator(x, label), "steps_per_epoch": 15},
    "weighted": {"x": generator(x, label, weight), "steps_per_epoch": 7},
    "classes": {"x": Batches(x, label), "shuffle": False, "class_weight": {0: 1.0, 1: 2.5}},
    "dataset": {"x": Batches(x, label, weight), "shuffle": False},
    "validated by a generator": {
        "x": Batches(x, label, workers=1), "shuffle": False,
        "validation_data": generator(x, label, weight), "validation_steps": 4, "validation_freq": 3,
    },
    "validated by a dataset": {
        "x": x, "y": label, "batch_size": 20, "shuffle": False, "validation_data": Batches(x, label),
        "validation_freq": 2,
    },
}.items():  # fmt: skip
    model = new_model()
    history = model.fit(epochs=3, verbose=0, **options)
    results[name] = {
        "history": history.history,
        "evaluated": model.evaluate(Batches(x, label, weight), verbose=0),
        "some": model.evaluate(generator(x, label), steps=3, verbose=0),
        "predictions": model.predict(Batches(x), verbose=0)[::20],
        "a few": model.predict(generator(x), steps=1, verbose=0)[:3],
    }
