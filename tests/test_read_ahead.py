"""The thread that reads ahead: order, errors, ends, and that nothing waits for ever."""

import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import weakref

import numpy as np
import pytest

from mlp.data.ahead import read_ahead
from mlp.errors import ArgumentError, DataError


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "mlp-read-ahead"]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    gc.collect()
    for thread in threads():
        thread.join(5)
    assert not threads()


@pytest.mark.parametrize("ahead", [1, 2, 7])
def test_items_come_in_order(ahead):
    with read_ahead(range(100), ahead) as items:
        assert list(items) == list(range(100))
        assert list(items) == []


@pytest.mark.parametrize("ahead", [1, 3])
def test_no_more_items_are_begun_than_asked_for(ahead):
    begun, arrived = [], threading.Semaphore(0)

    def numbers():
        for number in itertools.count():
            begun.append(number)
            arrived.release()
            yield number

    with read_ahead(numbers(), ahead) as items:
        for taken in range(4):
            # those that were taken, and `ahead` that wait; the one after that is not begun
            for _ in range(ahead if taken == 0 else 1):
                assert arrived.acquire(timeout=5)
            time.sleep(0.005)
            assert len(begun) == taken + ahead
            assert next(items) == taken


def test_an_item_is_forgotten_once_it_is_used():
    class Big:
        pass

    known = []

    def big():
        for _ in range(3):
            item = Big()
            known.append(weakref.ref(item))
            yield item
            del item

    with read_ahead(big()) as items:
        first = next(items)
        second = next(items)
        del first
        gc.collect()
        assert known[0]() is None
        assert second is known[1]()


def test_an_error_comes_in_its_place_with_the_frames_of_the_thread():
    def failing():
        yield 1
        yield 2
        raise OSError("the disk is gone")

    with read_ahead(failing(), 5) as items:
        assert [next(items), next(items)] == [1, 2]
        with pytest.raises(OSError, match="the disk is gone") as caught:
            next(items)
        assert "failing" in "".join(traceback.format_tb(caught.value.__traceback__))
        with pytest.raises(StopIteration):
            next(items)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError])
def test_whatever_the_thread_hits_is_passed_on(kind):
    def failing():
        yield 1
        raise kind

    with read_ahead(failing()) as items:
        assert next(items) == 1
        with pytest.raises(kind):
            next(items)


def test_what_cannot_be_iterated_is_an_error_too():
    with read_ahead(3) as items, pytest.raises(TypeError, match="not iterable"):
        next(items)


def test_the_end_closes_the_generator_in_its_thread():
    closed = []

    def numbers():
        try:
            yield from itertools.count()
        finally:
            closed.append(threading.current_thread().name)

    with read_ahead(numbers(), 3) as items:
        next(items)
    assert closed == ["mlp-read-ahead"]
    with pytest.raises(StopIteration):
        next(items)


def test_an_error_on_closing_is_heard_at_the_end():
    class Source:
        def __iter__(self):
            return self

        def __next__(self):
            raise StopIteration

        def close(self):
            raise OSError("cannot be closed")

    with read_ahead(Source()) as items, pytest.raises(OSError, match="cannot be closed"):
        next(items)


def test_an_iterator_that_is_forgotten_ends_its_thread():
    items = read_ahead(itertools.count())
    next(items)
    (thread,) = threads()
    del items
    gc.collect()
    thread.join(5)
    assert not thread.is_alive()


def test_idle_is_called_while_waiting_and_may_raise():
    gate, calls = threading.Event(), []

    def slow():
        gate.wait(10)
        yield 1

    def idle():
        calls.append(1)
        if len(calls) == 2:
            gate.set()
            raise TimeoutError("no time left")

    with read_ahead(slow(), idle=idle) as items, pytest.raises(TimeoutError, match="no time left"):
        next(items)


def test_ready_says_whether_next_would_wait():
    gate = threading.Event()

    def slow():
        gate.wait(10)
        yield 1

    with read_ahead(slow()) as items:
        assert not items.ready()
        gate.set()
        assert next(items) == 1
        with pytest.raises(StopIteration):
            next(items)
        assert items.ready()


def test_a_thread_that_dies_is_noticed(monkeypatch):
    from mlp.data import ahead

    monkeypatch.setattr(ahead, "_work", lambda items, desk: None)
    with read_ahead([1]) as items, pytest.raises(DataError, match="has died"):
        next(items)


def test_errstate_holds_in_the_thread():
    def divide():
        yield np.ones(1) / np.zeros(1)

    with np.errstate(divide="ignore"), read_ahead(divide()) as items:
        assert np.isinf(next(items))


@pytest.mark.parametrize("ahead", [0, -1, 1.5, None])
def test_ahead_must_be_a_positive_integer(ahead):
    with pytest.raises(ArgumentError, match="ahead"):
        read_ahead([1], ahead)


def run(code: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", "from mlp.data.ahead import read_ahead\nimport threading, os\n" + code],
        capture_output=True, text=True, timeout=60, check=False, **options,
    )  # fmt: skip


def test_a_source_that_hangs_does_not_keep_the_process_alive():
    code = (
        "def hang():\n    yield 1\n    threading.Event().wait()\n"
        "items = read_ahead(hang())\nprint(next(items))\n"
    )
    done = run(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


def test_a_forked_process_says_so_and_can_read_anew():
    code = (
        "def slow():\n    yield 1\n    threading.Event().wait(0.2)\n    yield 2\n"
        "items = read_ahead(slow())\nprint(next(items), flush=True)\n"
        "if not os.fork():\n"
        "    try:\n        next(items)\n"
        "    except ValueError as error:\n        print(error)\n"
        "    print(list(read_ahead(range(3))), flush=True)\n"
        "    items.close()\n    os._exit(0)\n"
        "os.wait()\nprint(next(items))\n"
    )
    done = run(code)
    assert done.stdout.splitlines() == [
        "1",
        "data that are read ahead cannot be gone on with in a process forked meanwhile",
        "[0, 1, 2]",
        "2",
    ], done.stderr


def test_ctrl_c_is_heard_while_waiting():
    code = (
        "def hang():\n    print('waits', flush=True)\n    threading.Event().wait()\n    yield 1\n"
        "try:\n    next(read_ahead(hang()))\nexcept KeyboardInterrupt:\n    print('heard')\n"
    )
    command = [sys.executable, "-c", "from mlp.data.ahead import read_ahead\nimport threading\n" + code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "waits\n"
        time.sleep(0.1)
        os.kill(process.pid, signal.SIGINT)
        assert process.communicate(timeout=30)[0] == "heard\n"
        assert process.returncode == 0
