"""Callbacks, built in and written by hand in the way that Keras's documentation shows."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(0)
x = rng.normal(size=(96, 3)).astype("float32")
y = np.sin(x @ np.ones((3, 1))).astype("float32")
results = {}


def train(callbacks, rate=0.1, epochs=8, name=None):
    model = keras.Sequential([layers.Input((3,)), layers.Dense(8, "tanh"), layers.Dense(1)])
    start = np.random.default_rng(1)
    model.set_weights([start.uniform(-0.5, 0.5, w.shape) for w in model.get_weights()])
    model.compile(keras.optimizers.SGD(rate), "mean_squared_error", metrics=["mean_absolute_error"])
    options = {"batch_size": 16, "epochs": epochs, "shuffle": False, "verbose": 0, "callbacks": callbacks}
    history = model.fit(x, y, validation_data=(x[:16], y[:16]), **options)
    results[name] = {"history": history.history, "predictions": model.predict(x[:5], verbose=0)}
    return model


class RateByEpoch(keras.callbacks.Callback):
    """Another rate in each epoch, by a table."""

    def __init__(self, rates):
        super().__init__()
        self.rates = rates

    def on_epoch_begin(self, epoch, logs=None):
        if not hasattr(self.model.optimizer, "learning_rate"):
            raise ValueError("the optimizer has no learning_rate")
        before = float(self.model.optimizer.learning_rate)
        self.model.optimizer.learning_rate = self.rates.get(epoch, before)


class StopAtLeastLoss(keras.callbacks.Callback):
    """Stop when the loss has not fallen for some epochs, and take the best weights."""

    def __init__(self, patience=0):
        super().__init__()
        self.patience = patience
        self.best_weights = None

    def on_train_begin(self, logs=None):
        self.wait, self.stopped_epoch, self.best = 0, 0, np.inf

    def on_epoch_end(self, epoch, logs=None):
        current = logs.get("loss")
        if np.less(current, self.best):
            self.best, self.wait = current, 0
            self.best_weights = self.model.get_weights()
        else:
            self.wait += 1
            if self.wait >= self.patience:
                self.stopped_epoch = epoch
                self.model.stop_training = True
                self.model.set_weights(self.best_weights)


class StopInTheMiddle(keras.callbacks.Callback):
    """Stop after a batch, not after the epoch."""

    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations == 9:
            self.model.stop_training = True


class Diary(keras.callbacks.Callback):
    """Write down every hook with the names in its logs."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def note(self, *what, logs=None):
        self.lines.append(" ".join(map(str, (*what, *(sorted(logs) if logs else ())))))

    def on_train_begin(self, logs=None):
        self.note("train begins", logs=logs)

    def on_train_end(self, logs=None):
        self.note("train ends", logs=logs)

    def on_epoch_begin(self, epoch, logs=None):
        self.note("epoch begins", epoch, logs=logs)

    def on_epoch_end(self, epoch, logs=None):
        self.note("epoch ends", epoch, logs=logs)

    def on_train_batch_begin(self, batch, logs=None):
        self.note("batch begins", batch, logs=logs)

    def on_train_batch_end(self, batch, logs=None):
        self.note("batch ends", batch, logs=logs)

    def on_test_begin(self, logs=None):
        self.note("test begins", logs=logs)

    def on_test_end(self, logs=None):
        self.note("test ends", logs=logs)

    def on_test_batch_begin(self, batch, logs=None):
        self.note("test batch begins", batch, logs=logs)

    def on_test_batch_end(self, batch, logs=None):
        self.note("test batch ends", batch, logs=logs)

    def on_predict_begin(self, logs=None):
        self.note("predict begins", logs=logs)

    def on_predict_end(self, logs=None):
        self.note("predict ends", logs=logs)

    def on_predict_batch_begin(self, batch, logs=None):
        self.note("predict batch begins", batch, logs=logs)

    def on_predict_batch_end(self, batch, logs=None):
        self.note("predict batch ends", batch, logs=logs)


class OldNames(keras.callbacks.Callback):
    """The older names of a batch's hooks."""

    def __init__(self):
        super().__init__()
        self.losses = []

    def on_batch_end(self, batch, logs=None):
        self.losses.append(float(logs["loss"]))


known = keras.callbacks
train([RateByEpoch({1: 0.2, 3: 0.05, 6: 0.01})], name="rate by epoch")
train([StopAtLeastLoss(1)], rate=0.4, epochs=20, name="least loss")
train([StopInTheMiddle()], name="in the middle of an epoch")
train([known.LearningRateScheduler(lambda epoch, lr: lr * 0.5 if epoch > 2 else lr)], name="scheduled")
train([known.ReduceLROnPlateau(factor=0.3, patience=1, cooldown=1)], rate=0.6, epochs=12, name="plateau")
stopping = known.EarlyStopping("val_mean_absolute_error", patience=1, restore_best_weights=True)
train([stopping], rate=0.4, epochs=20, name="early")
results["early"]["stopped"] = [stopping.stopped_epoch, stopping.best_epoch, stopping.wait]
old, diary, told = OldNames(), Diary(), []
simple = known.LambdaCallback(
    on_epoch_end=lambda epoch, logs: told.append(float(logs["loss"])),
    on_train_batch_begin=lambda batch, logs: told.append(float(batch)),
)
model = train([old, diary, simple], epochs=2, name="heard")
model.evaluate(x, y, batch_size=32, verbose=0, callbacks=[diary])
model.predict(x, batch_size=48, verbose=0, callbacks=[diary])
results["batches"], results["told"], results["diary"] = old.losses, told, diary.lines
