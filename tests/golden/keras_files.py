"""Small files that Keras wrote, with what its models predict and how they train on.

Keras stores the members of its archives; here they are packed, so that the files are small.
"""

import pathlib
import tempfile
import zipfile

import keras
import numpy as np
from keras import layers, regularizers
from keras.layers import Dense
from peers import use

FOLDER = pathlib.Path(__file__).with_name("keras_files")
ROWS, STEPS = 8, 3


def keras_files():
    """Predictions and weights of each file in the folder, before and after more training."""
    use("float32")
    FOLDER.mkdir(exist_ok=True)
    rng = np.random.default_rng(11)
    X = rng.normal(0, 1, (ROWS, 3)).round(3).astype("float32")
    Y = rng.normal(0, 1, (ROWS, 2)).round(3).astype("float32")
    golden = {"X": X, "Y": Y, "batch_size": ROWS, "steps": STEPS, "files": {}}
    for name, model in models(X).items():
        compiled = bool(model.compiled)
        options = dict(batch_size=ROWS, epochs=STEPS, shuffle=False, verbose=0)
        if compiled:
            model.fit(X, Y, **options)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / f"{name}.keras"
            model.save(path)
            repack(path, FOLDER / path.name)
        case = {"predictions": model.predict(X, verbose=0)}
        if compiled:
            case["evaluate"] = model.evaluate(X, Y, batch_size=ROWS, verbose=0, return_dict=True)
            model.fit(X, Y, **options)
            case["trained"] = {str(k): array for k, array in enumerate(model.get_weights())}
        golden["files"][name] = case
    return golden


def models(X):
    """The models of the files: what Keras can say in several ways is said in each."""
    shape = keras.Input((3,))
    adam = keras.Sequential(
        [
            shape,
            Dense(4, "relu", kernel_regularizer=regularizers.L2(0.01), kernel_constraint="max_norm"),
            layers.BatchNormalization(momentum=0.8),
            Dense(4, activation=layers.LeakyReLU(0.1)),
            layers.PReLU(),
            Dense(2),
        ],
        name="net",
    )
    adam.compile("adam", "mse", metrics=["mae", keras.metrics.RootMeanSquaredError()])
    rate = keras.optimizers.schedules.ExponentialDecay(0.05, 2, 0.5)
    frozen = keras.Sequential([shape, Dense(4, "tanh", trainable=False), layers.LeakyReLU(), Dense(2)])
    frozen.compile(
        keras.optimizers.SGD(rate, momentum=0.9, nesterov=True), keras.losses.mean_squared_error,
        weighted_metrics=[keras.metrics.mean_absolute_error],
    )  # fmt: skip
    hidden = Dense(4, "gelu", name="hidden")(shape)
    functional = keras.Model(shape, Dense(2, name="out")(layers.Dropout(0.5, seed=1)(hidden)))
    scaled = layers.Normalization()
    scaled.adapt(X)
    given = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])
    inner = keras.Sequential([Dense(4, "tanh"), layers.ReLU(max_value=1.0), Dense(4)])
    unbuilt = keras.Sequential([Dense(4, "silu"), Dense(2, use_bias=False)])
    unbuilt.compile(keras.optimizers.RMSprop(0.01, momentum=0.5), keras.losses.Huber())
    return {
        "adam": adam,
        "frozen": frozen,
        "functional": functional,
        "normalization": keras.Sequential([shape, scaled, layers.Flatten(), Dense(2, "softmax")]),
        "given": keras.Sequential([shape, given, layers.Dropout(0.2), layers.GaussianNoise(0.1), Dense(2)]),
        "nested": keras.Sequential([shape, Dense(3), inner, layers.Softmax(), Dense(2)]),
        "unbuilt": unbuilt,
    }


def repack(source, target):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name), old.read(name), zipfile.ZIP_DEFLATED)
