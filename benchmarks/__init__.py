"""Benchmarks: how fast `mlp` is, beside its peers and beside what NumPy itself needs.

`README.md` here is the protocol. A file imports only from those above it in this list:

    cells.py        what is trained: sizes, batch, rule, data, first weights
    plain.py        the yardstick: the same training as a plain NumPy script on one flat vector
    inplace.py      that script tuned by hand, cell by cell
    peers.py        every contestant behind one function
    prediction.py   one row through a net
    timing.py       interleaved rounds, medians; the time of an import
    machine.py      processor, versions, threads
    report.py       tables, picture, JSON
    speed.py        the command: python -m benchmarks.speed
    parts/          each part by itself: python -m benchmarks.parts
    solvers.py      the solvers for full batches: python -m benchmarks.solvers
    estimators/     fit, predict and memory beside scikit-learn's: python -m benchmarks.estimators
"""
