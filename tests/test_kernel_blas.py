"""The BLAS that is found, and its products in compiled code."""

import ctypes
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_instructions import Guarded, run
from threadpoolctl import threadpool_limits

from mlp.engines.kernels import blas
from mlp.engines.kernels.pointers import multiply, number, pointer
from mlp.engines.kernels.tape import bits

SIZES = st.integers(1, 19)
FOUND = [found for found in (blas.mkl(), blas.scipy_blas()) if found is not None]


def formula(x):
    return x


def product_by_blas(record, anchor):
    A, B, C = pointer(record[9], anchor), pointer(record[10], anchor), pointer(record[12], anchor)
    alpha, beta = number(record[8], anchor), number(record[11], anchor)
    multiply(record[2], record[3], record[4], record[5], record[6], record[7], alpha, A, B, beta, C)


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.name)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(
    sizes=st.tuples(SIZES, SIZES, SIZES), turned=st.tuples(st.booleans(), st.booleans()),
    alpha=st.sampled_from([1.0, 0.25]), beta=st.sampled_from([0.0, 1.0, -0.5]),
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_products_are_those_of_numpy(found, dtype, sizes, turned, alpha, beta):
    n, o, k = sizes
    rng = np.random.default_rng([*sizes, *turned])
    A = rng.normal(size=(k, n) if turned[0] else (n, k)).astype(dtype)
    B = rng.normal(size=(o, k) if turned[1] else (k, o)).astype(dtype)
    C = Guarded((n, o), dtype)
    expected = dtype_of(alpha, dtype) * (A.T if turned[0] else A) @ (B.T if turned[1] else B)
    if beta:
        C.matrix[:] = rng.normal(size=(n, o))
        expected = expected + dtype_of(beta, dtype) * C.matrix
    gemm = found.gemm(dtype)
    run(product_by_blas, dtype, gemm, *turned, n, o, k, bits(alpha), A, B, bits(beta), C.matrix)
    np.testing.assert_allclose(C.matrix, expected, atol=1e-5 if dtype == "float32" else 1e-13)
    assert C.is_kept()


def dtype_of(value, dtype):
    return np.dtype(dtype).type(value)


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.name)
def test_limits_on_threads_are_seen(found):
    with threadpool_limits(1):
        assert found.threads() == 1
    with threadpool_limits(2):
        assert found.threads() == 2


def test_mkl_is_first():
    assert blas.find().name == FOUND[0].name
    assert blas.find() is blas.find()


def test_other_types_have_no_product():
    with pytest.raises(KeyError):
        blas.find().gemm("int64")


def test_without_mkl_it_is_the_blas_of_scipy(monkeypatch):
    monkeypatch.setattr(blas, "find_file", lambda patterns, package: None)
    assert blas.find.__wrapped__().name == blas.scipy_blas().name


def test_a_broken_library_is_passed_over(monkeypatch, tmp_path):
    broken = tmp_path / "libmkl_rt.so"
    broken.write_bytes(b"not a library")
    monkeypatch.setattr(blas, "find_file", lambda patterns, package: broken)
    assert blas.mkl() is None


def test_a_blas_that_is_wrong_is_passed_over():
    @ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)
    def nothing(*places):
        pass

    where = ctypes.cast(nothing, ctypes.c_void_p).value
    assert not blas.multiplies(blas.Blas("idle", {"float32": where, "float64": where}, lambda: 1))


def test_wide_integers_are_not_for_us(monkeypatch):
    monkeypatch.setenv("MKL_INTERFACE_LAYER", "ILP64")
    assert blas.mkl() is None


def test_a_library_is_looked_for_where_it_is_installed(monkeypatch, tmp_path):
    (tmp_path / "Library" / "bin").mkdir(parents=True)
    (tmp_path / "Library" / "bin" / "mkl_rt.3.dll").touch()
    monkeypatch.setattr(blas.sys, "prefix", str(tmp_path))
    found = blas.find_file(("libmkl_rt.so*", "mkl_rt*.dll"), "not-installed")
    assert found == (tmp_path / "Library" / "bin" / "mkl_rt.3.dll").resolve()
    assert blas.find_file(("libmkl_rt.so*",), "not-installed") is None


class Runtime:
    """Stands for an OpenMP library."""

    def __init__(self):
        self.told = []

    def kmp_set_defaults(self, text):
        self.told.append(text)


def test_threads_are_told_to_sleep_unless_the_user_has_said_when(monkeypatch):
    for name in ("KMP_BLOCKTIME", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    free, bound = Runtime(), Runtime()
    blas.set_wait(free)
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    blas.set_wait(bound)
    assert free.told == [b"KMP_BLOCKTIME=100us"]
    assert bound.told == []


BESIDE_ANOTHER_OPENMP = """
import ctypes, pathlib, sklearn
folder = pathlib.Path(sklearn.__file__).parent.parent / "scikit_learn.libs"
for path in folder.glob("libgomp*"):  # as PyTorch loads its own
    ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)

import numpy as np
import mlp

def weights(n_threads):
    model = mlp.Sequential([mlp.layers.Dense(256, input_shape=(64,)), mlp.layers.Dense(256)], seed=0)
    model.compile(mlp.optimizers.SGD(0.01), "mse", engine="numba", n_threads=n_threads)
    X = np.random.default_rng(0).standard_normal((1024, 64))
    model.fit(X, np.tile(X, 4), batch_size=256, epochs=2, verbose=0)
    return model.parameters.values.copy()

np.testing.assert_allclose(weights(2), weights(1), atol=1e-5)
"""


def test_another_openmp_in_the_process_does_not_make_products_wrong():
    # found by a network that learned badly after `import torch`: both threads made the same half
    subprocess.run([sys.executable, "-c", BESIDE_ANOTHER_OPENMP], check=True, timeout=300)
