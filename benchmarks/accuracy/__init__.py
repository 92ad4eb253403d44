"""How wrong estimators of tables are, and how long they take: real tables that packages carry, with splits.

`tables.py` has the data, `methods.py` the contestants, `worker.py` a process that fits them, `records.py` the
file of results, `report.py` tables, ranks and the picture, `__main__.py` the command.
"""
