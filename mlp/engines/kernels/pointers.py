"""Pointers, as compiled functions see memory: an address and a type, nothing else.

NumPy's arrays would do, but in compiled code each view counts its references and each index asks
whether it is negative: on the smallest nets that is half of a step, and loops over views at an
offset do not vectorise.

The functions here are names only. The compiler puts instructions of a processor in their place
(`mlp.engines.kernels.intrinsics`), so that kernels can be read, and imported, without Numba.
"""

from typing import Any

Record = Any  # a pointer to int64: the operands of an instruction
Anchor = Any  # a pointer to float32 or float64: the type that an instruction works in


def pointer(address: int, anchor: Anchor) -> Any:
    """The numbers at an address, of the type of `anchor`."""
    raise NotImplementedError


def integers(address: int) -> Any:
    """The 64-bit integers at an address."""
    raise NotImplementedError


def doubles(address: int) -> Any:
    """The numbers at an address in float64, whatever the engine's type."""
    raise NotImplementedError


def halves(address: int) -> Any:
    """The numbers of 16 bits at an address, from 0 to 65535."""
    raise NotImplementedError


def shift(start: Any, count: int) -> Any:
    """The pointer `count` elements further on."""
    raise NotImplementedError


def number(word: int, anchor: Anchor) -> Any:
    """The number whose float64 bits a word has, in the type of `anchor`."""
    raise NotImplementedError


def numbers(record: Record, place: int, anchor: Anchor) -> Any:
    """As a tuple the numbers that stand in `COUNT` words of a record from `place` on."""
    raise NotImplementedError


def narrow(value: float, anchor: Anchor) -> Any:
    """A number of float64 in the type of `anchor`."""
    raise NotImplementedError


def multiply(
    address: int,
    transpose_A: int,
    transpose_B: int,
    n: int,
    o: int,
    k: int,
    alpha: float,
    A: Any,
    B: Any,
    beta: float,
    C: Any,
) -> None:
    """``C = alpha op(A) op(B) + beta C`` by BLAS, row-major, C (n, o) and k terms; 1 is for transposed."""
    raise NotImplementedError


def flush_subnormals() -> int:
    """Let the processor take subnormal numbers for 0 from now on; what `restore` needs to end that.

    A mean that decays to 0, as Adam's of a dead unit, goes through them, and they take the processor
    22 times as long as others.
    """
    raise NotImplementedError


def restore(state: int) -> None:
    """Let the processor work as it did before `flush_subnormals`."""
    raise NotImplementedError


def call(address: int, record: Record, anchor: Anchor) -> None:
    """Call the compiled function at an address."""
    raise NotImplementedError


def fork(runtime: int, function: int, record: Any, anchor: Any, threads: int) -> None:
    """Run a compiled function on several cores; within compiled code only.

    Each thread gets a copy of the record with its own part of the work, from ``record[START]`` to
    ``record[STOP]``. A part that is long begins at a multiple of 16 after the start.

    Parameters
    ----------
    runtime : int
        As `teams.runtime()` gives it; 0: a plain call.
    function : int
        Address of a compiled function of (record, anchor).
    record : pointer to int64
        `walk.WORDS` words.
    anchor : pointer
    threads : int
        At most so many; 1: a plain call. What `omp_set_num_threads` has allowed holds as well.
    """
    raise NotImplementedError
