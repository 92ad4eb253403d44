"""Reads files of models that were tampered with, many of them, in processes that are watched.

    python -m benchmarks.fuzz_files --inputs 200000 --workers 2

A find is an error that is not one of the package's, a crash, a file that takes longer than some seconds, one
that takes far more memory than its size, and code that is run, a process that is started or a file that is
opened to be written while one is read. The file of each find is kept in the folder `--finds`.
"""

import argparse
import collections
import faulthandler
import importlib
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
SECONDS = 10.0  # in which a file has been read, and a model used
KILOBYTES = 64 * 1024  # beside twice the file: for the interpreter, and rows of the hidden layers
LIMIT = 2**32  # bytes of addresses, beyond which the system refuses
FORBIDDEN = ("os.system", "os.exec", "os.spawn", "subprocess.Popen", "socket.connect", "ctypes.dlopen")


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.fuzz_files", description=__doc__)
    made.add_argument("--inputs", type=int, default=200_000)
    made.add_argument("--seconds", type=float, default=3600.0, help="stop after that time in any case")
    made.add_argument("--workers", type=int, default=1)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--finds", type=Path, default=Path(tempfile.gettempdir()) / "fuzz_files")
    made.add_argument("--form", choices=("mlp", "keras"), default="mlp", help="whose files")
    made.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    return made


def work(options: argparse.Namespace) -> None:
    """Tamper, read and use, and write a line of JSON about each; what a worker process does."""
    sys.path.insert(0, str(ROOT / "tests"))
    mutations = importlib.import_module("mutations" if options.form == "mlp" else "keras_mutations")
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    seen: list[str] = []
    path = options.finds / f"input_{options.worker}.mlp"
    contents = mutations.contents(path)
    for content in contents[::20]:  # so that all that is loaded once has been
        path.write_bytes(content)
        mutations.attempt(path)
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    sys.addaudithook(lambda event, arguments: listen(event, arguments, seen))
    rng = np.random.default_rng([options.seed, options.worker])
    for number in itertools.count():
        first, second = (contents[int(k)] for k in rng.integers(len(contents), size=2))
        content = mutations.mutate(rng, first, second)
        path.write_bytes(content)
        seen.clear()
        faulthandler.dump_traceback_later(6 * SECONDS, exit=True)  # says where, also in compiled code
        told = judged(mutations.attempt, path, len(content), seen)
        if told["kind"] not in ("loaded", "refused"):
            kept = path.with_name(f"find_{options.worker}_{number}_{told['kind']}.mlp")
            kept.write_bytes(content)
            told["what"] += f"; see {kept}"
        print(json.dumps(told), flush=True)


def judged(attempt: Callable[[Path], str], path: Path, size: int, seen: list[str]) -> dict[str, Any]:
    """What came of one file."""
    before, started = peak(), time.perf_counter()
    try:
        kind, what = attempt(path), ""
    except BaseException as error:
        kind, what = "error", f"{type(error).__name__}: {error!s:.200}"
    grown, seconds = peak(now=True) - before, time.perf_counter() - started
    if grown > 2 * size // 1024 + KILOBYTES:
        kind, what = "memory", f"{grown} kB for {size} bytes"
    if seconds > SECONDS:
        kind, what = "slow", f"{seconds:.1f} s"
    if seen:
        kind, what = "code", "; ".join(seen)
    return {"kind": kind, "what": what, "grown": grown, "seconds": seconds}


def peak(now: bool = False) -> int:
    """Kilobytes that the process has, or `now` had at most since the last call."""
    status = Path("/proc/self/status").read_text()
    Path("/proc/self/clear_refs").write_text("5")
    name = "VmHWM:" if now else "VmRSS:"
    return int(status.partition(name)[2].split(None, 1)[0])


def listen(event: str, arguments: tuple, seen: list[str]) -> None:
    """An audit hook: notes what reading a file must never do."""
    if event.startswith(FORBIDDEN) or (event == "open" and is_written(arguments)):
        seen.append(f"{event} {arguments!r:.200}")


def is_written(arguments: tuple) -> bool:
    """Whether a file is opened for more than reading; but not by this program."""
    name, mode, _ = arguments
    ours = str(name).startswith("/proc/self/") or "input_" in str(name)
    return not ours and isinstance(mode, str) and bool(set(mode) & set("wax+"))


class Results:
    """What the workers have told."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.ends = options, time.monotonic() + options.seconds
        self.counts: collections.Counter[str] = collections.Counter()
        self.most, self.longest, self.lock = 0, 0.0, threading.Lock()

    def add(self, told: dict) -> None:
        """Count one file, and say what was found."""
        with self.lock:
            self.counts[told["kind"]] += 1
            self.most = max(self.most, told.get("grown", 0))
            self.longest = max(self.longest, told.get("seconds", 0.0))
            if told["kind"] not in ("loaded", "refused"):
                print(f"{told['kind']}: {told['what']}", flush=True)

    def are_enough(self) -> bool:
        """Whether the inputs, or the time, have been used."""
        return self.counts.total() >= self.options.inputs or time.monotonic() > self.ends


def watch(number: int, results: Results) -> None:
    """Run a worker, and another after a file that ends it, as long as files are wanted."""
    options = results.options
    while not results.are_enough():
        command = [sys.executable, "-m", "benchmarks.fuzz_files", "--worker", str(number)]
        command += ["--seed", str(options.seed), "--finds", str(options.finds), "--form", options.form]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for line in process.stdout or ():
            results.add(json.loads(line))
            if results.are_enough():
                process.kill()
        if process.wait() and not results.are_enough():
            kept = options.finds / f"find_{number}_crash.mlp"
            (options.finds / f"input_{number}.mlp").rename(kept)
            results.add({"kind": "crash", "what": f"exit code {process.returncode}; see {kept}"})
        number += 1000  # other numbers than before


def main(options: argparse.Namespace) -> int:
    """Share the inputs among workers, watch them and say what was found; 1 if anything was."""
    options.finds.mkdir(parents=True, exist_ok=True)
    results, started = Results(options), time.monotonic()
    threads = [threading.Thread(target=watch, args=(k, results)) for k in range(options.workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{results.counts.total()} files in {time.monotonic() - started:.0f} s: {dict(results.counts)}")
    print(f"the longest took {results.longest:.2f} s, the greediest {results.most} kB")
    return int(bool(set(results.counts) - {"loaded", "refused"}))


if __name__ == "__main__":
    chosen = parser().parse_args()
    if chosen.worker is None:
        sys.exit(main(chosen))
    work(chosen)
