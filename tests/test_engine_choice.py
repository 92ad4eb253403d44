"""Which engine is taken, what is said about it, and what happens where it cannot work."""

import os
import subprocess
import sys

import numpy as np
import pytest

import mlp
from mlp import layers
from mlp.engines import choice
from mlp.engines.kernels import compiler, shelf
from mlp.errors import ArgumentError, MissingPackageError

X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
T = X[:, :1]


def doubled(X):
    return 2 * X


def network(*inner, engine="auto", width=4, **options):
    model = mlp.Sequential([layers.Input(3), *inner, layers.Dense(width, "relu"), layers.Dense(1)], seed=0)
    model.compile("sgd", "mse", engine=engine, **options)
    return model


@pytest.fixture
def without_numba(monkeypatch):
    choice.has_numba.cache_clear()
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    yield
    choice.has_numba.cache_clear()


@pytest.mark.parametrize("engine", ["jax", None, 3])
def test_unknown_engine(engine):
    with pytest.raises(ArgumentError, match="engine must be one of auto, numba, numpy"):
        network(engine=engine)


@pytest.mark.parametrize("n_threads", [0, -1, 1.5, "2", True])
def test_wrong_number_of_threads(n_threads):
    with pytest.raises(ArgumentError, match="n_threads must be a positive integer"):
        network(n_threads=n_threads)


def test_the_model_says_what_it_uses():
    assert network().engine_in_use.startswith("numba: compiled, float32, products by ")
    assert network(engine="numpy").engine_in_use == "numpy: as asked for"
    assert network(run_eagerly=True).engine_in_use == "numpy: as asked for"
    lines = []
    network().summary(print_fn=lines.append)
    assert "numba: compiled, float32" in lines[0]


def test_a_part_without_a_compiled_form(capsys):
    choice.say_once.cache_clear()
    reason = "layer 'lambda' (Lambda) has no compiled form"
    model = network(layers.Lambda(doubled, slope=np.ones_like))
    model.fit(X, T, verbose=0)
    model.fit(X, T, verbose=0)
    assert model.engine_in_use == f"numpy: {reason}"
    assert capsys.readouterr().err == f"mlp: trains on NumPy, since {reason}\n"
    model = network(layers.Lambda(doubled, slope=np.ones_like), engine="numba")
    before = model.get_weights()
    with pytest.raises(
        ArgumentError, match=r"engine='numba' cannot run this model: layer 'lambda' \(Lambda\)"
    ):
        model.fit(X, T, verbose=0)
    with pytest.raises(ArgumentError, match="cannot run this model"):
        model.predict(X)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_class_of_ones_own_is_named():
    class Shifted(mlp.activations.ReLU):
        def f(self, net, out):
            return np.add(net, 1, out)

    class Half(mlp.losses.MeanSquaredError):
        def elements(self, out, T):
            return super().elements(out, T) / 2

    class Slow(mlp.optimizers.SGD):
        def update(self, W, dW, scratch):
            W -= 0.001 * dW

    for part, name in ((Shifted(), "Shifted"), (None, "Half"), (None, "Slow")):
        model = mlp.Sequential([layers.Input(3), layers.Dense(1, part)], seed=0)
        model.compile(Slow() if name == "Slow" else "sgd", Half() if name == "Half" else "mse")
        assert name in model.engine_in_use
        assert model.engine_in_use.startswith("numpy: ")
        model.fit(X, T, verbose=0)


def test_an_activation_of_ones_own_with_a_compiled_form():
    class Cubed(mlp.activations.Activation):
        def f(self, net, out):
            return np.power(net, 3, out)

        def slope(self, net, out, slope):
            return np.multiply(np.square(net, slope), 3, slope)

        @staticmethod
        def scalar_f(net):
            return net * net * net

        @staticmethod
        def scalar_slope(net, out):
            return 3.0 * net * net

    weights = []
    for engine in ("numpy", "numba"):
        model = mlp.Sequential(
            [layers.Input(3), layers.Dense(4, Cubed()), layers.Dense(1)], seed=0, dtype="float64"
        )
        model.compile("sgd", "mse", engine=engine)
        model.fit(X, T, epochs=3, verbose=0)
        weights.append(model.parameters.values)
    np.testing.assert_allclose(weights[1], weights[0], 1e-10)


@pytest.mark.usefixtures("without_numba")
def test_without_numba():
    model = network()
    model.fit(X, T, verbose=0)
    assert model.predict(X).shape == (20, 1)
    assert model.engine_in_use.startswith("numpy: ")
    assert "pip install 'mlp[fast]'" in model.engine_in_use
    with pytest.raises(MissingPackageError, match=r"pip install 'mlp\[fast\]'"):
        network(engine="numba").fit(X, T, verbose=0)


def test_sizes_are_not_compiled_for():
    network(engine="numba", width=3).fit(X, T, verbose=0)
    compiled = compiler.compiler_for(np.dtype("float32"))
    before = len(compiled.addresses)
    for width in (5, 17, 40):
        network(engine="numba", width=width).fit(X, T, verbose=0)
    assert len(compiled.addresses) == before


def one_kernel():
    from mlp.engines.kernels.data import gather

    fresh = compiler.Compiler(np.dtype("float32"))
    fresh.address(gather)
    return fresh


def test_machine_code_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("MLP_CACHE_DIR", str(tmp_path / "new"))
    assert one_kernel().compiled == 1
    (kept,) = (tmp_path / "new").iterdir()
    assert one_kernel().compiled == 0
    whole = kept.read_bytes()
    for broken in (b"", whole[:100], whole[:-1], whole + b"x", whole.replace(b"ELF", b"ELV"), b"\n\n\n"):
        kept.write_bytes(broken)
        assert one_kernel().compiled == 1
        assert kept.read_bytes()[:65] == whole[:65] or kept.read_bytes() != broken
        assert one_kernel().compiled == 0


SECOND_PROCESS = """
import sys
import numpy as np
import mlp
model = mlp.Sequential([mlp.layers.Dense(1, input_shape=(2,))], seed=0)
model.compile("sgd", "mse", engine="numba")
model.fit(np.ones((4, 2)), np.ones(4), verbose=0)
model.predict(np.ones((4, 2)))
print("numba" in sys.modules)
"""


def test_a_second_process_does_without_numba(tmp_path):
    environment = os.environ | {"MLP_CACHE_DIR": str(tmp_path)}
    loaded = [
        subprocess.run(
            [sys.executable, "-c", SECOND_PROCESS],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert loaded == ["True\n", "False\n"]


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MLP_CACHE_DIR", str(tmp_path / "file" / "cache"))
    shelf._warn_once.cache_clear()
    with pytest.warns(RuntimeWarning, match="compiled code cannot be kept.*MLP_CACHE_DIR"):
        assert one_kernel().compiled == 1
    assert one_kernel().compiled == 1  # and is not said again


def test_compiling_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLP_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiler, "LONG", 0)
    from mlp.engines.kernels.data import gather

    fresh = compiler.Compiler(np.dtype("float64"))
    with compiler.telling(fresh):
        fresh.address(gather)
    first, last = capsys.readouterr().err.splitlines()
    assert (
        first == f"mlp: compiling for float64; what is compiled is kept in {tmp_path}, so this happens once"
    )
    assert last.startswith("mlp: compiled 1 functions for float64 in ")
    with compiler.telling(fresh):
        fresh.address(gather)
    assert capsys.readouterr().err == ""


def test_compiling_is_told_once_although_several_threads_have_waited(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLP_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiler, "LONG", 0)
    from mlp.engines.kernels.data import gather

    fresh = compiler.Compiler(np.dtype("float64"))
    with compiler.telling(fresh), compiler.telling(fresh):
        fresh.address(gather)
    assert capsys.readouterr().err.count("mlp: compiled 1 functions") == 1


def test_threads_are_limited():
    from threadpoolctl import threadpool_info

    seen = []

    class Look(mlp.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append({pool["num_threads"] for pool in threadpool_info()})

    before = [pool["num_threads"] for pool in threadpool_info()]
    for engine in ("numpy", "numba"):
        network(engine=engine, n_threads=1).fit(X, T, verbose=0, callbacks=[Look()])
    assert seen == [{1}, {1}]
    assert [pool["num_threads"] for pool in threadpool_info()][: len(before)] == before


def test_changes_of_built_layers_are_heeded():
    """As on NumPy, whose layers read their settings at each step."""
    models = [network(layers.Dropout(0.5), layers.LayerNormalization(), engine=e) for e in ("numpy", "numba")]
    changes = [
        lambda layer: setattr(layer[2], "activation", mlp.activations.Tanh()),
        lambda layer: setattr(layer[0], "rate", 0.1),
        lambda layer: setattr(layer[1], "epsilon", 0.3),
        lambda layer: setattr(layer[2], "activation", mlp.activations.Softsign()),
    ]
    for change in changes:
        for model in models:
            model.fit(X, T, verbose=0)
            model.predict(X)
            change(model.layers)
        plain, compiled = (model.predict(X) for model in models)
        np.testing.assert_allclose(plain, compiled, 1e-4, 1e-6)


def test_a_replaced_method_is_called():
    model = network()
    model.fit(X, T, verbose=0)
    model.predict(X)
    model.layers[0].forward = lambda X, training=False: np.zeros((len(X), 4), "float32")
    np.testing.assert_array_equal(model.predict(X), np.broadcast_to(model.layers[1].b, T.shape))
    model.fit(X, T, verbose=0)
    assert model.engine_in_use == "numpy: forward of layer 'dense' was replaced"
