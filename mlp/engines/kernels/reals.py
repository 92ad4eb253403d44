"""Numbers while instructions of LLVM are written for them: formulas on `Real` become machine code.

The functions of `mlp.engines.kernels.elementary` depend on the order of their roundings, which the
other kernels leave to the compiler. Here each instruction says of itself that it must not be
reordered. A product and a sum may become one instruction, with one rounding less.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir

_ORDERED = ("contract",)  # Numba adds its flags only to instructions that have none


@dataclass(frozen=True)
class Format:
    """A type of numbers: its parts, as IEEE 754 lays them out."""

    dtype: np.dtype[Any]
    fraction: int  # bits
    bias: int  # of the exponent
    real: Any
    whole: Any

    def bits(self, number: float) -> int:
        """The bits of a number, as an integer."""
        return int(self.dtype.type(number).view(f"i{self.dtype.itemsize}"))

    @property
    def rounder(self) -> float:
        """1.5 · 2^fraction: what it is added to is rounded to a whole number, in its last bits."""
        return 1.5 * 2.0**self.fraction


FORMATS = {
    32: Format(np.dtype(np.float32), 23, 127, ir.FloatType(), ir.IntType(32)),
    64: Format(np.dtype(np.float64), 52, 1023, ir.DoubleType(), ir.IntType(64)),
}


class Whole:
    """An integer as wide as the numbers; arithmetic wraps around, shifts fill with zeros."""

    def __init__(self, builder: Any, value: Any, form: Format) -> None:
        self.builder, self.value, self.form = builder, value, form

    def _with(self, name: str, other: Any) -> "Whole":
        if not isinstance(other, Whole):
            other = Whole(self.builder, ir.Constant(self.form.whole, int(other)), self.form)
        return Whole(self.builder, getattr(self.builder, name)(self.value, other.value), self.form)

    def __add__(self, other: Any) -> "Whole":
        return self._with("add", other)

    def __sub__(self, other: Any) -> "Whole":
        return self._with("sub", other)

    def __rsub__(self, other: Any) -> "Whole":
        return Whole(self.builder, ir.Constant(self.form.whole, int(other)), self.form) - self

    def __and__(self, other: Any) -> "Whole":
        return self._with("and_", other)

    def __or__(self, other: Any) -> "Whole":
        return self._with("or_", other)

    def __lshift__(self, other: Any) -> "Whole":
        return self._with("shl", other)

    def __rshift__(self, other: Any) -> "Whole":
        return self._with("lshr", other)

    def has(self, bit: int) -> "Truth":
        """Whether the bit of that value is set."""
        masked = (self & bit).value
        zero = ir.Constant(self.form.whole, 0)
        return Truth(self.builder, self.builder.icmp_unsigned("!=", masked, zero))

    def real(self) -> "Real":
        """The number that has these bits."""
        return Real(self.builder, self.builder.bitcast(self.value, self.form.real), self.form)


class Truth:
    """Whether something holds."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    def __or__(self, other: "Truth") -> "Truth":
        return Truth(self.builder, self.builder.or_(self.value, other.value))

    def choose(self, x: "Real", y: Any) -> "Real":
        """Choose x where it holds, else y."""
        return Real(self.builder, self.builder.select(self.value, x.value, x.like(y).value), x.form)


class Real:
    """A number; literals that meet it take its type."""

    def __init__(self, builder: Any, value: Any, form: Format) -> None:
        self.builder, self.value, self.form = builder, value, form

    def like(self, number: Any) -> "Real":
        """A constant of the same type; what is a `Real` already stays as it is."""
        if isinstance(number, Real):
            return number
        constant = ir.Constant(self.form.real, float(self.form.dtype.type(number)))
        return Real(self.builder, constant, self.form)

    def _with(self, name: str, x: Any, y: Any) -> "Real":
        operation = getattr(self.builder, name)
        value = operation(self.like(x).value, self.like(y).value, flags=_ORDERED)
        return Real(self.builder, value, self.form)

    def __add__(self, other: Any) -> "Real":
        return self._with("fadd", self, other)

    def __radd__(self, other: Any) -> "Real":
        return self._with("fadd", other, self)

    def __sub__(self, other: Any) -> "Real":
        return self._with("fsub", self, other)

    def __rsub__(self, other: Any) -> "Real":
        return self._with("fsub", other, self)

    def __mul__(self, other: Any) -> "Real":
        return self._with("fmul", self, other)

    def __rmul__(self, other: Any) -> "Real":
        return self._with("fmul", other, self)

    def __truediv__(self, other: Any) -> "Real":
        return self._with("fdiv", self, other)

    def __rtruediv__(self, other: Any) -> "Real":
        return self._with("fdiv", other, self)

    def __neg__(self) -> "Real":
        return Real(self.builder, self.builder.fneg(self.value), self.form)

    def is_(self, comparison: str, other: Any) -> Truth:
        """`<`, `<=`, `==`, `>=` or `>`, which are false for NaN."""
        return Truth(self.builder, self.builder.fcmp_ordered(comparison, self.value, self.like(other).value))

    def isnan(self) -> Truth:
        """Whether it is NaN."""
        return Truth(self.builder, self.builder.fcmp_unordered("uno", self.value, self.value))

    def call(self, name: str, *others: "Real") -> "Real":
        """What an intrinsic function of LLVM gives."""
        values = [self.value, *(other.value for other in others)]
        kind = ir.FunctionType(self.form.real, [self.form.real] * len(values))
        function = self.builder.module.declare_intrinsic(f"llvm.{name}", [self.form.real], kind)
        return Real(self.builder, self.builder.call(function, values), self.form)

    def bits(self) -> Whole:
        """Its bits, as an integer."""
        return Whole(self.builder, self.builder.bitcast(self.value, self.form.whole), self.form)

    def widened(self) -> "Real":
        """The same number in float64."""
        wide = FORMATS[64]
        if self.form is wide:
            return self
        return Real(self.builder, self.builder.fpext(self.value, wide.real), wide)

    def narrowed(self, form: Format) -> "Real":
        """The nearest number of another type."""
        if self.form is form:
            return self
        return Real(self.builder, self.builder.fptrunc(self.value, form.real), form)
