"""The machine that is compiled for, and how its code comes into memory; without Numba."""

from functools import cache
from types import ModuleType
from typing import Any


@cache
def llvm() -> ModuleType:
    """The part of LLVM that loads machine code, ready to be used."""
    import ctypes

    import llvmlite.binding as binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    nowhere = ctypes.cast(ctypes.pythonapi.Py_IncRef, ctypes.c_void_p).value
    for name in ("numba_gil_ensure", "numba_gil_release", "numba_unpickle"):
        binding.add_symbol(name, nowhere)  # for errors, of which kernels have none
    return binding


@cache
def processor() -> str:
    """What machine code depends on: the processor's name and abilities, and LLVM's version."""
    binding = llvm()
    versions = ".".join(map(str, binding.llvm_version_info))
    return f"{binding.get_host_cpu_name()} {binding.get_host_cpu_features().flatten()} {versions}"


def target() -> Any:
    """A machine to compile for: this one."""
    binding = llvm()
    cpu, features = binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()
    features += ",-prefer-256-bit"  # see `translation.wide_vectors`
    return binding.Target.from_default_triple().create_target_machine(cpu, features, opt=3, jit=True)


def link(symbol: str, code: bytes) -> tuple[Any, int]:
    """Put machine code into memory; an object that holds it there, and where the symbol begins.

    Each has a memory of its own, since names within them may be the same.
    """
    binding = llvm()
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), target())
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine, engine.get_function_address(symbol)
