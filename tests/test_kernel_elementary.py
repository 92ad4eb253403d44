"""The elementary functions: the plain ones against NumPy, the compiled ones against long double."""

import math
from functools import cache

import numpy as np
import pytest
from numba import cfunc, njit, types

from mlp import elementary
from mlp.activations.normal import upper_tail as upper_tail_of_arrays
from mlp.elementary import exp, expm1, log, maximum, where
from mlp.engines.kernels.elementary import typed

FAST = {"fastmath": {"reassoc", "contract", "arcp", "nsz"}, "error_model": "numpy"}
TYPES = (np.float32, np.float64)
LIMITS = [0.0, -0.0, 1.0, -1.0, 2.0, -3.0, 0.5, -0.5, 1.5, 5.0, math.inf, -math.inf, math.nan, 1e-40, -1e-40]
LIMITS += [1e-310, 5e-324, -5e-324, 3e38, -3e38, 1e308, -1e308, 88.7, 88.8, -87.4, -103.9, -104.1, 709.7]
LIMITS += [709.8, -708.4, -745.1, -745.2, 17.0, -17.0, 1e-8, -1e-8, 1 - 2**-24, -1 + 2**-24, 1 + 2**-52]
OF_ONE = ("exp", "expm1", "log", "log1p", "tanh", "sin", "cos", "sqrt", "floor", "absolute", "sign")
OF_TWO = ("power", "maximum", "minimum", "copysign")
# The error that is allowed, in units in the last place, and where sines are asked for.
ERRORS = {"exp": 1.1, "expm1": 2, "log": 1, "log1p": 1.6, "tanh": 2.2, "sigmoid": 2.4, "sin": 1.7, "cos": 1.7}
ERRORS |= {"sqrt": 0.51}
FAR = {np.float32: 1e7, np.float64: 4e8}


@cache
def compiled(name, dtype, numbers=1):
    """The function in a loop on pointers, as kernels have it; an integer n is the last argument."""
    function = getattr(elementary, name)

    def one(x, y, out, n):
        for k in range(n):
            out[k] = function(x[k])

    def two(x, y, out, n):
        for k in range(n):
            out[k] = function(x[k], y[k])

    pointer = types.CPointer(types.float32 if dtype == np.float32 else types.float64)
    signature = types.void(pointer, pointer, pointer, types.int64)
    return cfunc(signature, **FAST)(two if numbers == 2 else one)


def run(name, x, y=None):
    call = compiled(name, x.dtype.type, 1 if y is None else 2)
    out = np.empty_like(x)
    kinds = call.ctypes.argtypes
    arrays = (x, x if y is None else y, out)
    call.ctypes(*(a.ctypes.data_as(kind) for a, kind in zip(arrays, kinds, strict=False)), len(x))
    return out


def limits(dtype):
    with np.errstate(over="ignore", under="ignore"):
        return np.array(LIMITS).astype(dtype)


def samples(dtype):
    rng, n = np.random.default_rng(5), 3001  # odd, so that the last ones go one by one
    small, great = np.log(float(np.finfo(dtype).tiny)), np.log(float(np.finfo(dtype).max))
    sizes = np.exp(rng.uniform(small, great, n)) * rng.choice([-1, 1], n)
    spread = [rng.normal(size=n), rng.normal(size=n) * 8, rng.uniform(-1, 1, n) * 1e-3, sizes]
    spread += [rng.uniform(-110, 90, n), rng.uniform(-750, 711, n), 1 + rng.normal(size=n) * 0.3]
    return np.concatenate([limits(dtype), *(part.astype(dtype) for part in spread)])


def exact(name, x):
    wide = x.astype(np.longdouble)
    if name == "sigmoid":
        e = np.exp(-abs(wide))
        return np.where(x < 0, e, 1) / (1 + e)
    return getattr(np, name)(wide)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("name", "function"), [("sin_of_turns", np.sin), ("cos_of_turns", np.cos)])
def test_functions_of_turns(name, function, dtype):
    """Whole turns are taken away without a rounding, so they are right far out too; NumPy's are not."""
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.uniform(-1, 1, 3001), rng.normal(size=999) * 1e4, np.arange(-9, 9) / 8])
    x = np.concatenate([x, [1e-30, 2.0**22 + 0.25, 1e20]]).astype(dtype)
    rest = x.astype(np.longdouble) % 1
    expected = function(2 * np.longdouble("3.14159265358979323846") * rest)
    np.testing.assert_allclose(run(name, x), expected, rtol=0, atol=2.5 * np.finfo(dtype).eps)
    plain = [getattr(elementary, name)(float(number)) for number in x]
    np.testing.assert_allclose(plain, expected.astype(float), rtol=0, atol=1e-15)
    edges = run(name, np.array([math.nan, math.inf, -math.inf], dtype))
    assert np.isnan(edges).all()
    assert run(name, np.array([-0.0, 0.25], dtype)).round(6).tolist() == ([0, 1] if "sin" in name else [1, 0])


def pairs(dtype):
    x, y = np.meshgrid(limits(dtype), limits(dtype))
    return x.ravel(), y.ravel()


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", ERRORS)
def test_compiled_functions_have_small_errors(name, dtype):
    x = samples(dtype)
    if name in ("sin", "cos"):
        x = x[~(abs(x) > FAR[dtype]) | np.isinf(x)]
    with np.errstate(all="ignore"):
        expected, out = exact(name, x), run(name, x)
        rounded = expected.astype(dtype)
        units = np.abs(out.astype(np.longdouble) - expected) / np.spacing(np.abs(rounded)).astype(
            np.longdouble
        )
    finite = np.isfinite(rounded) & np.isfinite(out)
    assert finite.sum() > len(x) // 3
    wider = np.finfo(np.longdouble).eps < np.finfo(np.float64).eps or dtype == np.float32
    assert units[finite].max() <= ERRORS[name] + (not wider)
    np.testing.assert_array_equal(out[~finite], rounded[~finite])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", ["floor", "absolute", "sign", *OF_TWO])
def test_compiled_functions_that_are_numpys(name, dtype):
    x, y = pairs(dtype)
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x, y) if name in OF_TWO else getattr(np, name)(x)
    out = run(name, x, y if name in OF_TWO else None)
    if name == "power":  # of subnormal numbers it may be 0
        np.testing.assert_allclose(out, expected, 4 * np.finfo(dtype).eps, np.finfo(dtype).tiny)
    else:
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("dtype", TYPES)
def test_compiled_powers(dtype):
    rng = np.random.default_rng(2)
    x, y = np.exp(rng.normal(size=2001) * 9).astype(dtype), (rng.normal(size=2001) * 2).astype(dtype)
    with np.errstate(all="ignore"):
        expected = np.power(x.astype(np.longdouble), y.astype(np.longdouble)).astype(dtype)
    np.testing.assert_allclose(run("power", x, y), expected, np.finfo(dtype).eps, np.finfo(dtype).tiny)


@pytest.mark.parametrize("dtype", TYPES)
def test_compiled_tail_is_the_numpy_form(dtype):
    x = np.concatenate([np.linspace(-9, 9, 1001), [0, math.inf, -math.inf, math.nan]]).astype(dtype)
    tail, density, scratch = (np.empty_like(x) for _ in range(3))
    upper_tail_of_arrays(x, tail, density, scratch)
    np.testing.assert_allclose(run("upper_tail", x), tail, 8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", OF_ONE)
def test_plain_functions_of_one_number_are_numpys(name):
    for x in limits(np.float64).tolist():
        with np.errstate(all="ignore"):
            expected = float(getattr(np, name)(x))
        np.testing.assert_allclose(getattr(elementary, name)(x), expected, 1e-15, err_msg=f"{name}({x})")


@pytest.mark.parametrize("name", OF_TWO)
def test_plain_functions_of_two_numbers_are_numpys(name):
    x, y = pairs(np.float64)
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x, y)
    out = [getattr(elementary, name)(*numbers) for numbers in zip(x.tolist(), y.tolist(), strict=True)]
    np.testing.assert_allclose(out, expected, 1e-15)


def test_plain_functions_that_numpy_has_otherwise():
    for x in limits(np.float64).tolist():
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(elementary.sigmoid(x), float(exact("sigmoid", np.float64(x))), 1e-15)
        assert elementary.isnan(x) == np.isnan(x)
        assert elementary.isfinite(x) == np.isfinite(x)
        np.testing.assert_equal(elementary.clip(x, -2.0, 3.0), float(np.clip(x, -2.0, 3.0)))
        assert elementary.where(x > 0, 1.0, 2.0) == (1.0 if x > 0 else 2.0)
    assert elementary.upper_tail(0.0) == 0.5
    assert elementary.upper_tail(-1.0) == elementary.upper_tail(1.0) == pytest.approx(0.15865525393145707)


STEEPNESS, BOUNDS = 1.67, (1.0, 2.0)


def elu(net):
    return 1.05 * where(net > 0.0, net, STEEPNESS * expm1(net))


def silu(net):
    return net / (1.0 + exp(-net))


def bent(net, height=0.5):
    total = height
    for _k in range(3):
        total += maximum(net, 0) ** 2 * BOUNDS[1] + (3.5, 4.5)[0]
    return min(total, 1e30) if net > -5.0 else 0.0


def with_a_name_of(rate):
    def scaled(net):
        return rate * log(net * net + 1e-7)

    return scaled


def held(net):
    finite = elementary.isfinite(net) & (net > -1e30) | elementary.isnan(net)
    return where(finite, elementary.clip(net, -1.5, 2.5), 0.25)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("formula", [elu, silu, bent, with_a_name_of(1.7), held])
def test_typed_formulas_keep_the_type(formula, dtype):
    own = typed(formula, np.dtype(dtype))
    function = njit(**FAST)(own)
    for net in (0.7, -1.3, 3.25):
        out = function(dtype(net))
        np.testing.assert_allclose(out, formula(net), 8 * np.finfo(dtype).eps)
        np.testing.assert_allclose(own(dtype(net)), formula(net), 8 * np.finfo(dtype).eps)
    (signature,) = function.nopython_signatures
    assert signature.return_type == (types.float32 if dtype == np.float32 else types.float64)


def test_typed_leaves_the_function_and_integers_alone():
    own = typed(bent, np.dtype(np.float32))
    assert bent.__defaults__ == (0.5,)
    assert type(bent.__defaults__[0]) is float
    assert type(BOUNDS[0]) is float
    assert {type(number) for number in own.__code__.co_consts if not isinstance(number, tuple)} >= {int}
    assert own.__name__ == "bent"
    assert own.__module__ == __name__


def test_loops_become_vector_instructions():
    for name in ("exp", "expm1", "log", "log1p", "tanh", "sigmoid", "sin", "upper_tail"):
        for dtype in TYPES:
            code = compiled(name, dtype).inspect_llvm()
            kind = "float" if dtype == np.float32 else "double"
            assert f"x {kind}> " in code, (name, kind)
            assert not any(f"@{library}" in code for library in (name, f"{name}f", f"llvm.{name}")), name
