"""Kernels of the compiled engine: loops on raw memory, matrix products, threads."""
