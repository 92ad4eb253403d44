"""`python -m benchmarks.estimators`: `fit`, `predict` and memory of the estimators beside scikit-learn's.

The protocol is in `benchmarks/README.md`. A file imports only from those above it in this list:

    data.py         the data sets, by name
    cells.py        what is fitted with which parameters, and what is predicted
    rounds.py       the clock: contestants take turns
    memory.py       peak memory of a fit, each in a fresh process
    report.py       tables, picture, JSON
    __main__.py     the command
"""
