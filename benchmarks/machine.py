"""What the figures were taken on: processor, versions, threads. No names of hosts or people, no paths."""

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = (
    *("numpy", "scipy", "numba", "mkl", "scikit-learn", "torch", "jax", "jaxlib", "keras"),
    *("onnxruntime", "onnx"),
)
SETTINGS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"),
    *("XLA_FLAGS", "OMP_WAIT_POLICY"),
)


def describe() -> dict[str, Any]:
    """Processor, operating system, Python and the versions of all contestants."""
    import mlp

    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {"mlp": mlp.__version__} | {p: v for p in PACKAGES if (v := version(p))},
    }


def processor() -> str:
    """The processor's name as the system has it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def version(package: str) -> str | None:
    """The installed version of a package, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def threads() -> dict[str, Any]:
    """Threads of the pools that are loaded by now, and the settings that would change them."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return {"settings": settings(), "pools": "unknown: threadpoolctl is not installed"}
    wanted = ("internal_api", "version", "num_threads", "architecture")
    pools = [{key: pool[key] for key in wanted if pool.get(key)} for pool in threadpool_info()]
    return {"settings": settings(), "pools": pools}


def settings() -> dict[str, str]:
    """The settings that would change how many threads a library has."""
    return {name: os.environ.get(name, "not set") for name in SETTINGS}


def load() -> float | None:
    """How many processes wanted to run in the last minute, on average; None where it is not known."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
