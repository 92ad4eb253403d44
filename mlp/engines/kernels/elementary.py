"""The functions of `mlp.elementary` in compiled code, where loops do many numbers at once.

Compiled code calls a library for e^x and its relatives, number by number. The functions here have
neither calls nor branches, so that LLVM turns a loop of them into vector instructions: the
argument is reduced to a small range, a polynomial does the rest, and a power of two is put back as
bits. They are right at 0, ±inf and NaN, and for subnormal numbers.

The polynomials are ours: least maximum of the relative error, by Remez's algorithm in long double.
"""

import math
from collections.abc import Callable, Sequence
from types import CellType, CodeType, FunctionType
from typing import Any, TypeVar

import numpy as np
from numba import types
from numba.core.typing.templates import signature
from numba.extending import lower_builtin, type_callable

from mlp import elementary
from mlp.activations.normal import FITS
from mlp.engines.kernels.reals import FORMATS, Real, Truth, Whole

Function = TypeVar("Function", bound=Callable[..., Any])

# Indexed by bits. Where e^x has become 0 or infinite, and where e^x − 1 has become −1.
_LEAST = {32: -104.0, 64: -746.0}
_GREATEST = {32: 89.0, 64: 710.0}
_GONE = {32: -20.0, 64: -40.0}
# ln 2 as a sum, of which times a small integer the first part is exact.
_LN2 = {32: (0.693359375, -2.12194440e-4), 64: (6.93147180369123816490e-01, 1.90821492927058770002e-10)}
# (e^r − 1 − r) / r² for |r| ≤ ln 2 / 2, relative error of e^r − 1 below 1.4e-8 and 3.6e-17.
_EXP = {
    32: (0.5000000061938352, 0.16666542992101666, 0.041666282015189814, 0.008366583947221864,
         0.0013946450862298877),
    64: (0.500000000000001, 0.16666666666666674, 0.04166666666652199, 0.008333333333322179,
         0.0013888888947820393, 0.00019841269886671227, 2.4801487326820362e-05, 2.75572422577633e-06,
         2.7632655384962463e-07, 2.5110075063059742e-08),
}  # fmt: skip
# (ln((1 + s) / (1 − s)) / s − 2) / s² by s², for √½ ≤ (1 + s) / (1 − s) ≤ √2; 8.2e-10 and 2.4e-18.
_LOG = {
    32: (0.6666677671704485, 0.3997749558050688, 0.29873073241188075),
    64: (0.666666666666671, 0.39999999999517183, 0.285714287300109, 0.22222199005463278,
         0.18183576425483144, 0.1531303036453023, 0.14811933919565048),
}  # fmt: skip
# (sin r − r) / r³ and (cos r − 1 + r²/2) / r⁴ by r² for |r| ≤ π/4; 3.6e-9, 6.1e-18, 9.5e-11, 2.5e-19.
_SIN = {
    32: (-0.16666654936694614, 0.008332177686458638, -0.0001951723469181094),
    64: (-0.1666666666666664, 0.008333333333323662, -0.00019841269830144363, 2.7557313651792075e-06,
         -2.5050734554889142e-08, 1.5894709337101607e-10),
}  # fmt: skip
_COS = {
    32: (0.041666646854602134, -0.0013887366909965762, 2.4438379471768887e-05),
    64: (0.041666666666666664, -0.0013888888888886248, 2.4801587297327478e-05, -2.755731664038194e-07,
         2.0876032518740144e-09, -1.1375423870435442e-11),
}  # fmt: skip
# π/2 as a sum; times an integer below 2^28 all of its parts but the last are exact.
# sin(2πy) / y by y² for |y| ≤ 1/4; 5.3e-9, 2.6e-19.
_SIN_OF_TURNS = {
    32: (6.28318527379445, -41.34167747832451, 81.60223124402323, -76.5749925230752, 39.710922601823675),
    64: (6.283185307179586, -41.341702240399755, 81.60524927607341, -76.70585975279849, 42.058693923785086,
         -15.09464162050571, 3.819927050414032, -0.7177235796626791, 0.10085632934235955),
}  # fmt: skip
_HALF_PI = (1.5707963109016418, 1.5893254712295857e-08, 6.123233932053594e-17, 6.368317055225283e-25,
            1.082856673921914e-32)  # fmt: skip


def _bits(x: Real) -> int:
    return 8 * x.form.dtype.itemsize


def _polynomial(x: Real, coefficients: Sequence[float]) -> Real:
    # Horner's form; Estrin's, with fewer steps that wait for one another, is no faster here
    total = x.like(coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total


# e^x
#
# Nanoseconds a number, for 20, 1000, 32768 and 500000 of them, in brackets NumPy's (Xeon of 2023, vectors
# of 256 bits, where NumPy's have 512: with those all of these take two thirds).
# exp      float32 1.1 0.4 0.4 0.4 (13 0.7 0.5 0.5)  float64 1.2 1.1 1.2 1.1 (14 1.1 0.7 0.8)
# expm1    float32 0.9 0.3 0.4 0.4 (14 0.6 0.3 0.3)  float64 1.1 1.0 0.9 1.0 (15 1.5 1.2 1.2)
# sigmoid  float32 1.4 0.5 0.5 0.5 (111 2.6 1.0 1.1)  float64 1.4 1.3 1.4 1.3 (123 3.5 1.9 2.4)
# tanh     float32 1.2 0.5 0.5 0.5 (15 0.7 0.4 0.4)  float64 1.4 1.2 1.3 1.3 (15 1.9 1.7 1.6)
# The C library's exp takes 4 and 6, its tanh 11 to 50.


def _reduced(x: Real) -> tuple[Whole, Real]:
    # n, in the last bits, and e^r − 1 for x = n ln 2 + r, |r| ≤ ln 2 / 2
    high, low = _LN2[_bits(x)]
    moved = x * (1 / math.log(2)) + x.form.rounder
    n = moved - x.form.rounder
    r = (x - n * high) - n * low
    return moved.bits(), r + r * r * _polynomial(r, _EXP[_bits(x)])


def _power_of_two(n: Whole) -> Real:
    # whatever stands in the bits of n above those of an exponent is shifted out
    one = n.form.bits(1.0)
    return ((n << n.form.fraction) + one).real()


def _exp(x: Real) -> Real:
    x = _minimum(_maximum(x, _LEAST[_bits(x)]), _GREATEST[_bits(x)])
    n, minus_one = _reduced(x)
    half = n >> 1  # two factors, since 2^n alone may be none of the normal numbers
    return (minus_one + 1.0) * _power_of_two(half) * _power_of_two(n - half)


def _expm1(x: Real) -> Real:
    n, reduced = _reduced(_minimum(_maximum(x, _GONE[_bits(x)]), _GREATEST[_bits(x)]))
    scale = _power_of_two(n - 1)  # half of it, since 2^n may be infinite where the result is not
    result = scale * reduced + (scale - 0.5)
    tiny = _absolute(x).is_("<", 2.0 ** -(x.form.fraction + 2))
    return tiny.choose(x, result + result)


def _sigmoid(x: Real) -> Real:
    e = _exp(-_absolute(x))
    return x.is_("<", 0.0).choose(e, 1.0) / (e + 1.0)


def _tanh(x: Real) -> Real:
    n, reduced = _reduced(_maximum(_absolute(x) * -2.0, _GONE[_bits(x)]))
    scale = _power_of_two(n)
    above = scale * reduced + (scale + 1.0)  # e^(−2|x|) + 1
    below = scale * reduced + (scale - 1.0)
    return (-below / above).call("copysign", x)


def _upper_tail(x: Real) -> Real:
    # 4.5 1.1 1.0 1.0 ns in float32, 6.7 4.4 5.8 6.5 in float64: NumPy's form takes five to ten times as long
    k, a, b, *coefficients = FITS[x.form.dtype.type]
    d = 1.0 / (_absolute(x) + k)
    return _polynomial(d * a + b, coefficients[::-1]) * d * _exp(x * x * -0.5)


# ln x
#
# Nanoseconds a number, as above; the C library's log takes 4 and 6, its log1p 7 to 23.
# log      float32 1.5 0.5 0.5 0.6 (14 0.7 0.4 0.6)  float64 1.3 1.2 1.2 1.2 (15 1.3 0.9 1.0)
# log1p    float32 1.6 0.6 0.6 0.6 (13 0.8 0.6 0.5)  float64 1.5 1.4 1.4 1.4 (14 1.6 1.2 1.2)


def _split(x: Real) -> tuple[Whole, Real]:
    # For x = 2^n m with √½ ≤ m < √2: n + bias as an integer, and m
    form = x.form
    least = form.bits(math.sqrt(0.5))
    moved = x.bits() + (form.bits(1.0) - least)
    rest = moved & ((1 << form.fraction) - 1)
    return moved >> form.fraction, (rest + least).real()


def _log_of_parts(n: Real, f: Real) -> Real:
    # n ln 2 + ln(1 + f), with s for which 1 + f = (1 + s) / (1 − s), so that 2s = f − s f
    high, low = _LN2[_bits(f)]
    s = f / (f + 2.0)
    z = s * s
    return n * high + (f - (s * (f - z * _polynomial(z, _LOG[_bits(f)])) - n * low))


def _as_real(n: Whole) -> Real:
    # what `_split` gives, without the bias; an integer below 2^fraction becomes a number as its last bits
    power = 2.0**n.form.fraction
    return (n | n.form.bits(power)).real() - (power + n.form.bias)


def _edges_of_log(x: Real, result: Real) -> Real:
    # x is what the logarithm is taken of
    result = x.is_("==", math.inf).choose(x, result)
    below = x.is_("==", 0.0).choose(x.like(-math.inf), math.nan)
    return x.is_(">", 0.0).choose(result, below)


def _log(x: Real) -> Real:
    shift = x.form.fraction + 2
    small = x.is_("<", float(np.finfo(x.form.dtype).tiny))
    n, m = _split(small.choose(x * 2.0**shift, x))
    whole = _as_real(n)
    return _edges_of_log(x, _log_of_parts(small.choose(whole - float(shift), whole), m - 1.0))


def _log1p(x: Real) -> Real:
    u = x + 1.0
    part = u - 1.0
    lost = (1.0 - (u - part)) + (x - part)  # 1 + x − u, exactly
    n, m = _split(u)
    scale = ((2 * n.form.bias - n) << n.form.fraction).real()  # 2^−n
    lost = x.is_("<", 2.0**60).choose(lost * scale, 0.0)
    return _edges_of_log(u, _log_of_parts(_as_real(n), (m - 1.0) + lost))


# the others


def _absolute(x: Real) -> Real:
    return x.call("fabs")


def _maximum(x: Real, y: Any) -> Real:
    return x.call("maximum", x.like(y))  # NaN passes; also the maximum of a loop becomes vectors


def _minimum(x: Real, y: Any) -> Real:
    return x.call("minimum", x.like(y))


def _sign(x: Real) -> Real:
    return x.is_(">", 0.0).choose(x.like(1.0), x.is_("<", 0.0).choose(x.like(-1.0), x))


# sin x and cos x
#
# Nanoseconds a number, as above; the C library's take 4 to 17 and 6 to 23. Right up to |x| = 1e15 where
# the processor has an instruction for a b + c, else to 4e8 in float64; beyond, only within [−1, 1].
# sin      float32 2.9 0.8 0.8 0.8 (15 0.9 0.5 0.5)  float64 1.6 1.6 1.6 1.8 (19 6.0 14 23)


def _quadrant(x: Real) -> tuple[Whole, Real]:
    # n, and r for x = n π/2 + r, |r| ≤ π/4; π/2 is a sum of numbers of which the first times n are exact
    moved = x * (2 / math.pi) + x.form.rounder
    n = moved - x.form.rounder
    for part in _HALF_PI:
        x = x - n * part
    return moved.bits(), _minimum(_maximum(x, -1.0), 1.0)


def _waves(x: Real, turn: int) -> Real:
    # sin(x + turn π/2)
    n, wide = _quadrant(x.widened())
    n, r = n + turn, wide.narrowed(x.form)
    z = r * r
    sine = r + r * z * _polynomial(z, _SIN[_bits(x)])
    cosine = (1.0 - z * 0.5) + z * z * _polynomial(z, _COS[_bits(x)])
    result = n.has(1).choose(cosine, sine)
    result = n.has(2).choose(-result, result)
    return _absolute(x).is_("<", math.inf).choose(result, math.nan)


def _sin(x: Real) -> Real:
    return _waves(x, 0)


def _cos(x: Real) -> Real:
    return _waves(x, 1)


def _of_quarter(y: Real) -> Real:
    return y * _polynomial(y * y, _SIN_OF_TURNS[_bits(y)])


def _rest_of_turn(x: Real) -> Real:
    return x - (x + 0.5).call("floor")  # in [−1/2, 1/2], without a rounding


def _sin_of_turns(x: Real) -> Real:
    h = _rest_of_turn(x)
    size = _absolute(h)
    return _of_quarter(_minimum(size, 0.5 - size).call("copysign", h))


def _cos_of_turns(x: Real) -> Real:
    return _of_quarter(0.25 - _absolute(_rest_of_turn(x)))


def _power(x: Real, y: Real) -> Real:
    # 3.6 ns in float32 (NumPy's 1.3 to 2.3), the C library's 17 in float64 (NumPy's 4)
    if x.form is FORMATS[64]:
        return x.call("pow", y)
    base, one = _absolute(x), x.like(1.0)
    size = _exp(y.widened() * _log(base.widened())).narrowed(x.form)  # in float64, which has digits to spare
    size = (base.is_("==", 1.0) | y.is_("==", 0.0)).choose(one, size)
    half = y * 0.5
    whole, even = y.is_("==", y.call("floor")), half.is_("==", half.call("floor"))
    result = whole.choose(even.choose(size, size.call("copysign", x)), size)
    fraction_of_negative = base.is_("==", math.inf).choose(result, whole.choose(result, math.nan))
    result = x.is_("<", 0.0).choose(fraction_of_negative, result)
    return (x.is_("==", 1.0) | y.is_("==", 0.0)).choose(one, result)


# known to Numba


def _isfinite(x: Real) -> Any:
    return _absolute(x).is_("<", math.inf)


_FORMS: dict[Callable[..., Any], Callable[..., Any]] = {
    elementary.exp: _exp,
    elementary.expm1: _expm1,
    elementary.log: _log,
    elementary.log1p: _log1p,
    elementary.tanh: _tanh,
    elementary.sigmoid: _sigmoid,
    elementary.upper_tail: _upper_tail,
    elementary.sin: _sin,
    elementary.cos: _cos,
    elementary.sin_of_turns: _sin_of_turns,
    elementary.cos_of_turns: _cos_of_turns,
    elementary.sqrt: lambda x: x.call("sqrt"),
    elementary.power: _power,
    elementary.floor: lambda x: x.call("floor"),
    elementary.absolute: _absolute,
    elementary.sign: _sign,
    elementary.copysign: lambda x, y: x.call("copysign", y),
    elementary.maximum: _maximum,
    elementary.minimum: _minimum,
    elementary.clip: lambda x, low, high: _minimum(_maximum(x, low), high),
    elementary.isnan: lambda x: x.isnan(),
    elementary.isfinite: _isfinite,
    elementary.where: lambda condition, x, y: condition.choose(x, y),
}
_TESTS = (elementary.isnan, elementary.isfinite)


def _register(function: Callable[..., Any], form: Callable[..., Any]) -> None:
    def typer(context: Any) -> Callable[..., Any]:
        def of(*arguments: Any) -> Any:
            plain = [types.unliteral(argument) for argument in arguments]
            first = plain[:1] if function is elementary.where else []
            numbers = plain[len(first) :]
            floats = [number for number in numbers if isinstance(number, types.Float)]  # integers follow
            narrow = floats and all(number == types.float32 for number in floats)
            common = types.float32 if narrow else types.float64
            result = types.boolean if function in _TESTS else common
            return signature(result, *first, *[common] * len(numbers))

        fixed = (lambda x: of(x), lambda x, y: of(x, y), lambda x, y, z: of(x, y, z))
        return fixed[function.__code__.co_argcount - 1]

    def lower(context: Any, builder: Any, kind: Any, values: Any) -> Any:
        arguments = [
            Truth(builder, value) if known == types.boolean else Real(builder, value, FORMATS[known.bitwidth])
            for known, value in zip(kind.args, values, strict=True)
        ]
        return form(*arguments).value

    type_callable(function)(typer)
    lower_builtin(function, types.VarArg(types.Any))(lower)


for _function, _form in _FORMS.items():
    _register(_function, _form)


# literals


def typed(function: Function, dtype: np.dtype[Any]) -> Function:
    """The same function, in which every float that is written down has a type.

    A Python float is a float64, and one of them makes all of a float32 formula float64. Of that type
    become: float literals, also in tuples, in functions within it, and as defaults; names of the
    module and of enclosing functions that are floats or tuples of them. Integers stay integers, since
    they may be indices; so does what is an attribute, such as `math.pi`: name it in the module first.

    Parameters
    ----------
    function : function
        It is not changed.
    dtype : numpy.dtype
        float32 or float64.
    """
    number = np.dtype(dtype).type
    code = _typed_code(function.__code__, number)
    scope = {name: _typed_value(value, number) for name, value in function.__globals__.items()}
    cells = function.__closure__
    if cells is not None:
        cells = tuple(CellType(_typed_value(cell.cell_contents, number)) for cell in cells)
    defaults = _typed_value(function.__defaults__, number)
    result: Any = FunctionType(code, scope, function.__name__, defaults, cells)
    result.__module__, result.__qualname__ = function.__module__, function.__qualname__
    return result


def _typed_code(code: CodeType, number: type) -> CodeType:
    constants = tuple(_typed_value(constant, number) for constant in code.co_consts)
    return code.replace(co_consts=constants)


def _typed_value(value: Any, number: type) -> Any:
    if type(value) is float:
        return number(value)
    if type(value) is tuple:
        return tuple(_typed_value(item, number) for item in value)
    return _typed_code(value, number) if isinstance(value, CodeType) else value
