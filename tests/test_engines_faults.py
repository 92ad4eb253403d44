"""Faults that the compiled engine had, each of which a comparison with NumPy's has found."""

import gc
import os
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

import mlp
from mlp import layers, optimizers
from mlp.callbacks import Callback
from mlp.engines.kernels import compiler
from mlp.engines.kernels.data import gather
from mlp.engines.kernels.tape import Tape
from mlp.errors import ArgumentError

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 5))
T = rng.normal(size=(50, 2))


def network(engine, optimizer="sgd", inner=(), **options):
    stack = [layers.Input(5), *inner, layers.Dense(4, "tanh"), layers.Dense(2)]
    model = mlp.Sequential(stack, seed=0, dtype="float64")
    model.compile(optimizer, "mse", engine=engine, **options)
    return model


def same(first, second):
    np.testing.assert_allclose(second.parameters.values, first.parameters.values, 1e-9, 1e-12)


def test_an_interrupt_counts_the_steps_that_were_made(monkeypatch):
    """Ctrl-C is heard after a walk over many steps; the next ones must go on from their number."""
    walk = Tape.run

    def interrupted(tape, steps=1, first=0):
        walk(tape, steps, first)
        raise KeyboardInterrupt

    model = network("numba", "adam")
    model.fit(X, T, batch_size=8, epochs=1, verbose=0)
    with monkeypatch.context() as patch:
        patch.setattr(Tape, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, T, batch_size=8, epochs=1, verbose=0)
    assert model.optimizer.iterations == 7 + 6


def test_the_data_are_let_go_after_the_training():
    model, inputs, targets = network("numba", metrics=["mae"]), X.copy(), T.copy()
    model.fit(inputs, targets, batch_size=8, verbose=0)
    model.predict(inputs)
    kept = weakref.ref(inputs), weakref.ref(targets)
    del inputs, targets
    gc.collect()
    assert [array() for array in kept] == [None, None]


def largest(y_true, y_pred):
    return np.abs(y_true - y_pred).max()


def test_a_metric_of_a_whole_batch_is_given_batches():
    histories = []
    for engine in ("numpy", "numba"):
        model = network(engine, metrics=[largest], weighted_metrics=[largest])
        histories.append(model.fit(X, T, batch_size=8, sample_weight=X[:, 0] ** 2, verbose=0).history)
    for name, values in histories[0].items():
        np.testing.assert_allclose(histories[1][name], values, 1e-9, err_msg=name)


def test_a_callback_may_end_dropout():
    class Ends(Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.layers[0].rate = 0.0

    models = [network(engine, inner=[layers.Dropout(0.5)]) for engine in ("numpy", "numba")]
    for model in models:
        model.fit(X, T, batch_size=8, epochs=3, verbose=0, callbacks=[Ends()])
    same(*models)
    assert models[0].rng.bit_generator.state == models[1].rng.bit_generator.state


@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("first", [0.0, 0.5])
def test_the_momentum_of_rmsprop_changes_numbers_and_not_the_rule(first, centered):
    models = []
    for engine in ("numpy", "numba"):
        model = network(engine, optimizers.RMSprop(1e-3, momentum=first, centered=centered))
        model.optimizer.momentum = 0.5 - first
        model.fit(X, T, batch_size=8, epochs=2, verbose=0)
        models.append(model)
    same(*models)
    assert np.isfinite(models[0].parameters.values).all()


@pytest.mark.parametrize(
    ("make", "option"),
    [(optimizers.Adam, "amsgrad"), (optimizers.RMSprop, "centered")],
)
def test_a_rule_keeps_the_form_that_its_state_is_for(make, option):
    models = []
    for engine in ("numpy", "numba"):
        model = network(engine, make(1e-3))
        setattr(model.optimizer, option, True)
        model.fit(X, T, batch_size=8, verbose=0)
        models.append(model)
    same(*models)


def test_nadam_forgets_the_numbers_of_another_beta():
    """The compiled engine works out numbers for a step that it then only sums up for."""
    models = []
    for engine in ("numpy", "numba"):
        model = network(engine, optimizers.Nadam(1e-3, gradient_accumulation_steps=2))
        model.train_on_batch(X, T)
        model.optimizer.beta_1 = 0.7
        model.fit(X, T, batch_size=8, verbose=0)
        models.append(model)
    same(*models)


def test_threads_compile_one_after_the_other(monkeypatch, tmp_path):
    monkeypatch.setenv("MLP_CACHE_DIR", str(tmp_path))
    one, begun, at_once = compiler.Compiler(np.dtype("float32")), threading.Barrier(2), []
    compile_one, working = one._compile, threading.Lock()

    def watched(*arguments):
        at_once.append(not working.acquire(blocking=False))
        try:
            return compile_one(*arguments)
        finally:
            working.release()

    def ask():
        begun.wait()
        one.address(gather)

    one._compile = watched
    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert at_once == [False]


class Misspelt(mlp.activations.Activation):
    def f(self, net, out):
        return np.multiply(net, 2, out)

    def slope(self, net, out, slope):
        slope.fill(2)
        return slope

    @staticmethod
    def scalar_f(net):
        return net.doubled()

    @staticmethod
    def scalar_slope(net, out):
        return 2.0


def test_a_formula_that_cannot_be_compiled_is_named(capsys):
    model = network("auto", inner=[layers.Dense(3, Misspelt())])
    assert model.predict(X).shape == (50, 2)
    model.fit(X, T, verbose=0)
    assert model.engine_in_use.startswith("numpy: Misspelt.scalar_f cannot be compiled: ")
    with pytest.raises(ArgumentError, match=r"Misspelt\.scalar_f cannot be compiled"):
        network("numba", inner=[layers.Dense(3, Misspelt())]).fit(X, T, verbose=0)


FORKING = """
import os, signal
import numpy as np
import mlp
model = mlp.Sequential([mlp.layers.Input(300), mlp.layers.Dense(300, "relu"), mlp.layers.Dense(2)], seed=0)
model.compile("sgd", "mse", engine="numba")
X = np.ones((400, 300), "float32")
expected = model.predict(X)
assert os.environ["KMP_INIT_AT_FORK"] == "FALSE"
child = os.fork()
if not child:
    signal.alarm(20)
    os._exit(int(not np.array_equal(model.predict(X), expected)))
raise SystemExit(os.waitpid(child, 0)[1])
"""


def test_a_process_that_forks_off_computes():
    """Scikit-learn sets this variable; OpenMP's threads were then waited for in vain."""
    done = subprocess.run([sys.executable, "-c", FORKING], env=os.environ | {"KMP_INIT_AT_FORK": "FALSE"})
    assert done.returncode == 0
