"""`python -m benchmarks.xor`: what a script that trains XOR takes, in time and in memory.

Each script runs in a fresh interpreter: import, a net 2-8-1 of tanh and logistic units, 300 steps
of Adam on all four rows, prediction. What is compiled is on the disk already; "first start" has
an empty folder for that. Memory is the most that was resident, as the system counts it.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import commands, machine
from benchmarks.report import STYLES, figure, figures, heading, table
from benchmarks.timing import fresh
from benchmarks.workers import turns

HEAD = """
import json, resource, sys, time
start = time.perf_counter()
import numpy as np
X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32"), np.array([0, 1, 1, 0])
"""
TAIL = """
end = time.perf_counter()
try:
    lines = open("/proc/self/status").read().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
except (OSError, StopIteration):
    unit = 1024**2 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
right = bool(((np.asarray(p).ravel() > 0.5) == y).all())
print(json.dumps({"import": imported - start, "train": end - imported, "peak": peak, "right": right}))
"""
IMPORTED = "imported = time.perf_counter()\n"
MLP = """
import mlp
{imported}
model = mlp.Sequential([
    mlp.layers.Dense(8, activation="tanh", input_shape=(2,)), mlp.layers.Dense(1, activation="sigmoid")
], seed=0)
model.compile(mlp.optimizers.Adam(0.1), "binary_crossentropy", engine="{engine}")
model.fit(X, y, batch_size=4, epochs=300, verbose=0)
p = model.predict(X)
"""
NUMBA = """
from importlib.util import find_spec
if find_spec("numba") is None:
    raise ImportError("No module named 'numba'")
"""  # the engine imports it when it is first used
SKLEARN = """
from sklearn.neural_network import MLPClassifier
{imported}
model = MLPClassifier((8,), "tanh", learning_rate_init=0.1, batch_size=4, alpha=0, max_iter=300, tol=0,
                      n_iter_no_change=300, random_state=0)
import warnings
warnings.simplefilter("ignore")
p = model.fit(X, y).predict_proba(X)[:, 1]
"""
TORCH = """
import torch
{imported}
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1), torch.nn.Sigmoid())
optimizer, criterion = torch.optim.Adam(model.parameters(), lr=0.1), torch.nn.BCELoss()
inputs, targets = torch.from_numpy(X), torch.from_numpy(y).float().reshape(-1, 1)
for _ in range(300):
    optimizer.zero_grad()
    criterion(model(inputs), targets).backward()
    optimizer.step()
p = model(inputs).detach().numpy()
"""
KERAS = """
import os
os.environ["KERAS_BACKEND"] = "jax"
import keras
{imported}
keras.utils.set_random_seed(0)
model = keras.Sequential([
    keras.layers.Input((2,)),
    keras.layers.Dense(8, activation="tanh"),
    keras.layers.Dense(1, activation="sigmoid"),
])
model.compile(keras.optimizers.Adam(0.1), "binary_crossentropy")
model.fit(X, y, batch_size=4, epochs=300, verbose=0)
p = model.predict(X, verbose=0)
"""
SCRIPTS = {
    "numpy": ("Python and NumPy", "{imported}\np = y\n"),
    "mlp": ("mlp, NumPy", MLP),
    "compiled": ("mlp, compiled", NUMBA + MLP),
    "first": ("mlp, compiled, first start", NUMBA + MLP),
    "sklearn": ("scikit-learn", SKLEARN),
    "torch": ("PyTorch", TORCH),
    "keras": ("Keras", KERAS),
}
LOOKS = {"numpy": "floor", "first": "compiled"}  # in the picture
QUANTITIES = {
    "import": "import / ms",
    "train": "training / ms",
    "whole": "process / ms",
    "peak": "memory / MB",
}


def main(arguments: Sequence[str] | None = None) -> None:
    options = commands.parser("xor", __doc__, SCRIPTS).parse_args(arguments)
    rounds = 2 if options.quick else 7
    scripts = commands.chosen(options.peers, SCRIPTS)
    results = commands.head(rounds=rounds)
    results["left_out"] = left_out(scripts)
    present = [name for name in scripts if name not in results["left_out"]]
    results["contestants"] = {name: SCRIPTS[name][0] for name in present}
    results["scripts"] = {name: [] for name in present}
    for name in turns(present, rounds):
        print(SCRIPTS[name][0], "…", flush=True)
        results["scripts"][name].append(once(name))
    results["load_after"] = machine.load()
    print("\n" + text(results))
    if options.output or not (options.peers or options.quick):
        commands.save(results, "xor", options.output or commands.RESULTS, draw)


def left_out(names: Mapping[str, Any]) -> dict[str, str]:
    """Those that cannot run, with the reason; all others have run once, and filled the caches."""
    reasons = {}
    for name in names:
        try:
            once(name)
        except subprocess.CalledProcessError as error:
            *_, reasons[name] = error.stderr.strip().splitlines()
            missing = "No module named" in reasons[name]
            print(f"{SCRIPTS[name][0]}: {'skipped' if missing else 'FAILED'}, {reasons[name]}", flush=True)
    return reasons


def once(name: str) -> dict[str, float]:
    """One fresh process: milliseconds of its parts, megabytes, and whether it has learned XOR."""
    engine = "numpy" if name == "mlp" else "numba"
    code = HEAD + SCRIPTS[name][1].format(imported=IMPORTED, engine=engine) + TAIL
    with tempfile.TemporaryDirectory() as folder:
        extra = {"MLP_CACHE_DIR": folder} if name == "first" else {}
        start = time.perf_counter()
        answer = fresh(code, extra)
        whole = time.perf_counter() - start
    run = json.loads(answer.splitlines()[-1])
    milliseconds = {key: run[key] * 1e3 for key in ("import", "train")}
    return milliseconds | {"whole": whole * 1e3, "peak": run["peak"], "right": run["right"]}


def text(results: Mapping[str, Any]) -> str:
    """One table: medians over the processes."""
    rows = []
    for name, title in results["contestants"].items():
        runs = results["scripts"][name]
        learned = "yes" if all(run["right"] for run in runs) else "NOT ALWAYS"
        values = [figure(median(run[quantity] for run in runs)) for quantity in QUANTITIES]
        rows.append([title, *values, "–" if name == "numpy" else learned])
    heads = ["", *QUANTITIES.values(), "learned"]
    return "A script that trains XOR, in a fresh process: medians\n\n" + table(heads, rows)


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Bars: the time of the process with its import, and the memory."""
    titles = results["contestants"]
    picture, axes, pyplot = figures(1, 2, (12, 0.8 + 0.5 * len(titles)))
    names = list(titles)[::-1]
    for panel, quantity in zip(axes[0], ("whole", "peak"), strict=True):
        values = [median(run[quantity] for run in results["scripts"][name]) for name in names]
        colours = [STYLES[LOOKS.get(name, name)][0] for name in names]
        bars = panel.barh([titles[name] for name in names], values, color=colours)
        panel.bar_label(bars, [figure(value) for value in values], padding=3, fontsize=8)
        panel.margins(x=0.15)
        panel.set_xlabel(QUANTITIES[quantity])
    picture.suptitle(heading(results), fontsize=7)
    picture.savefig(path, dpi=110)
    pyplot.close(picture)


if __name__ == "__main__":
    main()
