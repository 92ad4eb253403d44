"""Functions of single numbers, in which the package's formulas are written once.

The forms here are plain Python: a formula can be read, and run, number by number. They take and
give floats and behave at the edges as NumPy's functions of the same names: e^1000 is infinite,
ln 0 is −inf, √−1 is NaN, and no error is raised. In compiled code
`mlp.engines.kernels.elementary` puts others in their place, which work on many numbers at once.

Write literals of formulas as floats, `1.0` and not `1`: compiled code gives them the type of the
model, while an integer would turn float32 into float64. An exponent such as that of `x**2` may
stay an integer.

Examples
--------
>>> def softplus(net):
...     return maximum(net, 0.0) + log1p(exp(-absolute(net)))
>>> softplus(0.0), softplus(-1000.0)
(0.6931471805599453, 0.0)
"""

import math


def exp(x: float) -> float:
    """e^x; infinite where that is too large."""
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def expm1(x: float) -> float:
    """e^x − 1, exact also for small x."""
    try:
        return math.expm1(x)
    except OverflowError:
        return math.inf


def log(x: float) -> float:
    """The natural logarithm of x; −inf at 0, NaN below."""
    return math.log(x) if x > 0 else _beyond(x)


def log1p(x: float) -> float:
    """The logarithm of 1 + x, exact also for small x; −inf at −1, NaN below."""
    return math.log1p(x) if x > -1 else _beyond(x + 1)


def tanh(x: float) -> float:
    """(e^x − e^−x) / (e^x + e^−x)."""
    return math.tanh(x)


def sigmoid(x: float) -> float:
    """1 / (1 + e^−x)."""
    e = exp(-abs(x))
    return (e if x < 0 else 1.0) / (1.0 + e)


def upper_tail(x: float) -> float:
    """Φ(−|x|), the smaller tail of the standard normal distribution beyond x."""
    return 0.5 * math.erfc(abs(x) * math.sqrt(0.5))


def sin(x: float) -> float:
    """The sine of x; NaN at ±inf."""
    return math.sin(x) if math.isfinite(x) else math.nan


def cos(x: float) -> float:
    """The cosine of x; NaN at ±inf."""
    return math.cos(x) if math.isfinite(x) else math.nan


def sin_of_turns(x: float) -> float:
    """Sin 2πx; NaN at ±inf. Of turns whole ones can be taken away exactly, so this is the faster sine."""
    return sin(2.0 * math.pi * (x - floor(x + 0.5)))


def cos_of_turns(x: float) -> float:
    """Cos 2πx; NaN at ±inf."""
    return cos(2.0 * math.pi * (x - floor(x + 0.5)))


def sqrt(x: float) -> float:
    """√x; NaN below 0."""
    return math.nan if x < 0 else math.sqrt(x)


def power(x: float, y: float) -> float:
    """x^y; infinite where that is too large, NaN for x < 0 unless y is a whole number."""
    try:
        return math.pow(x, y)
    except OverflowError:
        return -math.inf if x < 0 and y % 2 == 1 else math.inf
    except ValueError:  # 0 to a negative power, or a negative number to a fraction
        if x:
            return math.nan
        return math.copysign(math.inf, x) if y % 2 == 1 else math.inf


def floor(x: float) -> float:
    """The greatest whole number up to x, as a float."""
    return float(math.floor(x)) if math.isfinite(x) else x


def absolute(x: float) -> float:
    """|x|."""
    return abs(x)


def sign(x: float) -> float:
    """−1, 0 or 1; NaN for NaN."""
    return x if math.isnan(x) else float(x > 0) - float(x < 0)


def copysign(x: float, y: float) -> float:
    """|x| with the sign of y."""
    return math.copysign(x, y)


def maximum(x: float, y: float) -> float:
    """The greater of the two; NaN if one of them is."""
    return y if x < y or math.isnan(y) else x


def minimum(x: float, y: float) -> float:
    """The smaller of the two; NaN if one of them is."""
    return y if x > y or math.isnan(y) else x


def clip(x: float, low: float, high: float) -> float:
    """Hold x in [low, high]; NaN for NaN."""
    return minimum(maximum(x, low), high)


def isnan(x: float) -> bool:
    """Whether x is NaN."""
    return math.isnan(x)


def isfinite(x: float) -> bool:
    """Whether x is neither NaN nor infinite."""
    return math.isfinite(x)


def where(condition: bool, x: float, y: float) -> float:
    """Choose x if the condition holds, else y. Both are computed: compiled code has no branch here.

    Join conditions with `&` and `|`; `and` and `or` are branches.
    """
    return x if condition else y


def _beyond(x: float) -> float:
    return -math.inf if x == 0 else math.nan
