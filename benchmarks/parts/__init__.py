"""`python -m benchmarks.parts`: microseconds per call of every single part, beside PyTorch and Keras.

The protocol is in `benchmarks/README.md`. Importing this package keeps all libraries to one
thread, so it comes before them. A file imports only from those above it in this list:

    entries.py      what an entry is, its sizes and its numbers; how the peers are called
    activations.py  layers.py  losses.py  optimizers.py  schedules.py  metrics.py  matrices.py
                    the entries of each kind
    catalogue.py    all of them, and the check that no class of mlp is left out
    rounds.py       the clock
    report.py       tables, picture, JSON
    __main__.py     the command
"""

import os

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["KERAS_BACKEND"] = "jax"
