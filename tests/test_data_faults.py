"""Who gives batches fails, ends too soon, or never."""

import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from stream_examples import ENGINES, batch, batches, bits, failing, model, trained_with

from mlp.callbacks import Callback, LambdaCallback
from mlp.errors import ArgumentError, DataError


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("mlp")]
    assert not left


# who gives the batches fails


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("at", [1, 2, 17])
def test_a_generator_that_raises_ends_the_fit_after_the_batches_before(engine, at):
    cause = KeyError("gone")
    made, generator = model(engine), failing(at, cause)
    with pytest.raises(
        DataError, match=rf"batch {at}: the generator failing raised KeyError: 'gone'"
    ) as caught:
        made.fit(generator, epochs=3, verbose=0)
    assert caught.value.__cause__ is cause
    assert any(entry.name == "failing" for entry in caught.traceback) or cause.__traceback__ is not None
    assert next(generator, "closed") == "closed"
    if at > 1:
        assert bits(made) == bits(trained_with(at - 1, engine))
    made.fit(batches(3), verbose=0)  # the model is as good as before


def test_the_error_tells_the_batch_whatever_the_epoch():
    with pytest.raises(DataError, match="batch 23: "):
        model().fit(failing(23, OSError("disk")), epochs=9, steps_per_epoch=5, verbose=0)


@pytest.mark.parametrize(
    "error", [StopIteration("early"), RuntimeError("a worker is dead"), DataError("own")]
)
def test_whatever_a_sequence_raises_is_told(error):
    class Faulty:
        def __len__(self):
            return 9

        def __getitem__(self, index):
            if index == 4:
                raise error
            return batch(index)

    with pytest.raises(
        DataError, match=rf"batch \d, x\[4\]: the sequence of batches Faulty raised .*{error}"
    ):
        model().fit(Faulty(), verbose=0)


@pytest.mark.parametrize("moment", ["on_epoch_begin", "on_epoch_end"])
def test_a_hook_that_raises_is_told(moment):
    class Faulty:
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return batch(index)

    def fails(self):
        raise ValueError("no more")

    setattr(Faulty, moment, fails)
    with pytest.raises(
        DataError, match=f"{moment} of the sequence of batches Faulty raised ValueError: no more"
    ):
        model().fit(Faulty(), verbose=0)


def test_a_thread_that_dies_is_noticed():
    def dying():
        yield batch(0)
        raise SystemExit

    with pytest.raises(SystemExit):
        model().fit(dying(), verbose=0)


@pytest.mark.parametrize(
    ("x", "what"),
    [
        (
            lambda: batch(0),
            "the function .* cannot be gone through: TypeError: it returned a tuple, not an iterator",
        ),
        (lambda: np.ones((3, 3)), "it returned a ndarray, not an iterator of batches"),
        (lambda: 3, "the function .* cannot be gone through: TypeError: 'int' object is not iterable"),
        (lambda: [].pop(), "cannot be gone through: IndexError: pop from empty list"),
    ],
)
def test_a_function_must_return_an_iterator(x, what):
    with pytest.raises(DataError, match=what):
        model().fit(x, verbose=0)


def test_a_function_must_need_no_arguments():
    with pytest.raises(
        ArgumentError, match=r"x must be a function without arguments .*: missing a required arg"
    ):
        model().fit(batch, verbose=0)


# too few batches, or too many


class Nothing:
    """Can be gone through again and again, and never gives anything."""

    def __iter__(self):
        return iter(())


@pytest.mark.parametrize("given", [iter([]), (k for k in ()), list, lambda: iter([]), Nothing()])
def test_no_batch_at_all_is_an_error_and_builds_nothing(given):
    made = model()
    with pytest.raises(DataError, match="gave no batch; expected at least one of"):
        made.fit(given, verbose=0)
    assert not made.built


def test_a_generator_that_was_used_up_before_is_an_error():
    generator, made = batches(4), model()
    made.fit(generator, verbose=0)
    with pytest.raises(DataError, match=r"generator <genexpr> gave no batch.*may have been used up before"):
        made.fit(generator, verbose=0)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_generator_that_ends_before_the_epochs_ends_the_fit_well_and_says_so(engine):
    made = model(engine)
    with pytest.warns(UserWarning, match="ran out in epoch 2 of 3, before batch 1: the training ends"):
        history = made.fit(batches(7), epochs=3, verbose=0)
    assert history.epoch == [0]
    assert bits(made) == bits(trained_with(7, engine))


def test_so_does_one_that_ends_within_an_epoch():
    made, ends = model(), []
    with pytest.warns(UserWarning, match="ran out in epoch 3 of 4, before batch 2: the training ends"):
        history = made.fit(
            batches(7), epochs=4, steps_per_epoch=3, verbose=0,
            callbacks=[LambdaCallback(on_train_end=lambda logs: ends.append(logs["loss"]))],
        )  # fmt: skip
    assert history.epoch == [0, 1, 2]
    assert ends == [history.history["loss"][-1]]
    assert bits(made) == bits(trained_with(7))


def test_what_begins_anew_goes_on_over_the_epochs():
    made, other = model(), model()
    made.fit(lambda: batches(7), epochs=7, steps_per_epoch=3, verbose=0)
    other.fit(lambda: batches(7), epochs=3, verbose=0)
    assert bits(made) == bits(other)


def test_a_function_that_returns_the_same_iterator_again_is_an_error():
    generator = batches(4)
    with pytest.raises(DataError, match=r"the function .* must give the batches anew for each pass"):
        model().fit(lambda: generator, epochs=2, verbose=0)


def test_a_generator_that_never_ends_serves_fit_after_fit_and_loses_nothing():
    generator, one, several = batches(10**9), model(), model()
    one.fit(batches(24), verbose=0)
    for steps, epochs in ((3, 2), (5, 2), (4, 2)):
        several.fit(generator, steps_per_epoch=steps, epochs=epochs, verbose=0)
    assert bits(one) == bits(several)
    np.testing.assert_array_equal(next(generator)[0], batch(24)[0])


class Changing:
    """A sequence of batches that becomes longer after each epoch, or whose length was a lie."""

    def __init__(self, told, there):
        self.told, self.there, self.asked = told, there, 0

    def __len__(self):
        return self.told

    def __getitem__(self, index):
        self.asked += 1
        return [batch(k) for k in range(self.there)][index]

    def on_epoch_end(self):
        self.told += 1


def test_a_sequence_may_change_its_length_between_epochs():
    sequence = Changing(3, 9)
    model().fit(sequence, epochs=3, verbose=0)
    assert sequence.asked == 3 + 4 + 5 + 1  # one was looked at before


def test_a_sequence_that_has_less_than_it_says_is_an_error():
    with pytest.raises(
        DataError, match=r"batch 5, x\[4\]: the sequence .* raised IndexError: list index out of"
    ):
        model().fit(Changing(9, 4), shuffle=False, verbose=0)


@pytest.mark.parametrize("length", [2.5, "two", -1])
def test_a_length_that_is_none_is_an_error(length):
    sequence = Changing(1, 1)
    sequence.num_batches = length
    with pytest.raises(
        ArgumentError, match="num_batches of the sequence of batches Changing must be an integer"
    ):
        model().fit(sequence, verbose=0)


# waiting


class Blocked:
    """Gives some batches, then none until it is let go."""

    def __init__(self, count):
        self.go, self.count = threading.Event(), count

    def __iter__(self):
        yield from batches(self.count)
        self.go.wait(30)


def test_a_time_limit_is_heard_while_a_generator_blocks():
    blocked, made = Blocked(5), model()
    began = time.monotonic()
    history = made.fit(blocked, epochs=2, time_limit=0.3, verbose=0)
    assert time.monotonic() - began < 20
    blocked.go.set()
    assert bits(made) == bits(trained_with(5))
    assert history.epoch == [0]
    _wait_for_threads()


def _wait_for_threads():
    for thread in threading.enumerate():
        if thread.name.startswith("mlp"):
            thread.join(20)


SCRIPT = """
    import os, signal, threading, time, sys
    import numpy as np, mlp
    from mlp.callbacks import Callback
    def forever():
        for k in range(5):
            yield np.ones((4, 2)), np.ones((4, 1))
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        time.sleep(1000)
    model = mlp.Sequential([mlp.layers.Dense(1)], seed=0)
    model.compile("sgd", "mse", engine="numpy")
    {body}
"""


def run(body):
    code = textwrap.dedent(SCRIPT).replace("{body}", textwrap.dedent(body))
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )


def test_ctrl_c_is_heard_while_a_generator_blocks_and_no_thread_keeps_the_process():
    done = run(
        """
        history = model.fit(forever(), verbose=0)
        print(history.interrupted, model.optimizer.iterations)
        """
    )
    assert (done.returncode, done.stdout.split()) == (0, ["True", "5"]), done.stderr


def test_ctrl_c_in_an_evaluation_ends_it():
    done = run("model.evaluate(forever())")
    assert done.returncode in (-signal.SIGINT, 130, 1)
    assert "KeyboardInterrupt" in done.stderr


def test_a_callback_that_raises_closes_the_stream():
    closed = []

    def watched():
        try:
            yield from batches(10**6)
        finally:
            closed.append(True)

    class Raises(Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 7:
                raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        model().fit(watched, verbose=0, callbacks=[Raises()])
    assert closed == [True]
