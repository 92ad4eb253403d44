"""Benchmarks: how fast `mlp` is, beside its peers and beside what the machine itself needs.

`README.md` here is the protocol. A file imports only from those above it in this list:

    cells.py        what is trained: sizes, batch, rule, data, first weights
    inplace.py      training by a NumPy script tuned by hand, cell by cell
    plain.py        the yardstick: the same as a plain NumPy script on one flat vector
    floor.py        the matrix products of a step alone, by NumPy and by MKL
    reference.py    reference.c: training of small nets by hand, in C
    peers.py        every contestant's training behind one function
    predictors.py   every contestant's prediction behind one function
    machine.py      processor, versions, threads
    timing.py       the clock; fresh interpreters
    worker.py       one contestant in a process of its own
    workers.py      all of them, taking turns
    report.py       tables and pictures
    targets.py      what is to be reached, and whether it is
    commands.py     arguments and result files
    speed.py        a training step: python -m benchmarks.speed
    latency.py      a prediction: python -m benchmarks.latency
    growth.py       how a step's cost grows: python -m benchmarks.growth
    xor.py          time and memory of a whole script: python -m benchmarks.xor
    profile.py      where a step's time goes: python -m benchmarks.profile
    parts/          each part by itself: python -m benchmarks.parts
    solvers.py      the solvers for full batches: python -m benchmarks.solvers
    estimators/     fit, predict and memory beside scikit-learn's: python -m benchmarks.estimators
"""
