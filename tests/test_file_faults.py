"""What may befall a file while it is written or read: a full disk, a kill, other hands."""

import errno
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from test_storage import bits, trained

from mlp import files, storage
from mlp.errors import ArgumentError, ModelFileError
from mlp.layers import Dense
from mlp.models import load_model

ROOT = Path(__file__).parent.parent


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.mlp"


def python(script, *arguments, **options) -> subprocess.CompletedProcess:
    """Run a script in a process of its own, which is expected to end well."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, **options)


# writing


@pytest.mark.parametrize("name", ["fsync", "replace", "write"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("there", [True, False])
def test_a_failing_write_changes_nothing(name, error, there, path, monkeypatch):
    model = trained(Dense(3))
    if there:
        model.save(path)
    before = path.read_bytes() if there else b""

    def fail(*arguments):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(*((storage, "_write") if name == "write" else (os, name)), fail)
        with pytest.raises(ModelFileError if isinstance(error, OSError) else KeyboardInterrupt) as caught:
            trained(Dense(3), epochs=4).save(path)
    assert os.listdir(path.parent) == ["net.mlp"] * there
    if there:
        assert path.read_bytes() == before
    if isinstance(error, OSError):
        state = "the file that was there is as it was" if there else "no file was made"
        assert f"{path} cannot be written: No space left on device; {state}" in str(caught.value)
        assert caught.value.errno == errno.ENOSPC
        assert caught.value.__cause__ is error


LIMITED = """
import resource, sys
import mlp
from mlp import files
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
model = mlp.Sequential([mlp.layers.Dense(100, input_shape=(100,))], seed=0)
try:
    model.save(sys.argv[1])
except mlp.errors.ModelFileError as error:
    print(error.errno, error)
"""


def test_a_file_that_is_too_large_for_the_system(path):
    model = trained(Dense(3))
    model.save(path)
    before = path.read_bytes()
    told = python(LIMITED, path).stdout
    assert told.startswith(f"{errno.EFBIG} {path} cannot be written: File too large; the file that was there")
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["net.mlp"]


DENIED = """
import os, sys
import mlp
model = mlp.Sequential([mlp.layers.Dense(2, input_shape=(3,))], seed=0)
if os.geteuid() == 0:  # to whom nothing is denied
    model.save(sys.argv[2])  # which loads what another user may not read
    os.setuid(65534)
try:
    model.save(sys.argv[1])
except mlp.errors.ModelFileError as error:
    print(error.errno, error)
"""


def test_a_folder_that_may_not_be_written_to(tmp_path):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        told = python(DENIED, f"{folder}/net.mlp", tmp_path / "net.mlp").stdout
        assert (
            told
            == f"{errno.EACCES} {folder}/net.mlp cannot be written: Permission denied; no file was made\n"
        )
        os.chmod(folder, 0o700)


@pytest.mark.parametrize(
    "name", ["file/net.mlp", "none/net.mlp", "pipe", "loop", "x" * 300, "a\0b", "folder"]
)
def test_where_no_file_can_be(name, tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    before = sorted(os.listdir(tmp_path))
    model = trained(Dense(3))
    for write in (model.save, lambda where: files.write_atomically(where, lambda file: file.write(b"new"))):
        with pytest.raises(ModelFileError, match="give the name of a file in an existing folder"):
            write(f"{tmp_path}/{name}")
    assert sorted(os.listdir(tmp_path)) == before
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


KILLED = """
import sys
from mlp.files import write_atomically
print("ready", flush=True)
while True:
    for letter in b"ab":
        write_atomically(sys.argv[1], lambda file: file.write(bytes([letter]) * 5_000_000))
"""


def test_a_kill_leaves_the_old_file_or_the_new(path):
    """Of eight processes that are killed while they write, at moments that are spread over a write."""
    files.write_atomically(path, lambda file: file.write(b"first"))
    left_behind = 0
    for k in range(8):
        command = [sys.executable, "-c", KILLED, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
            process.stdout.readline()
            time.sleep(0.013 * k)
            process.kill()
        content = path.read_bytes()
        assert content in (b"first", b"a" * 5_000_000, b"b" * 5_000_000)
        left_behind += len(os.listdir(path.parent)) - 1
    files.write_atomically(path, lambda file: file.write(b"last"))
    assert path.read_bytes() == b"last"
    assert left_behind, "no process was killed in the midst of a write"
    assert os.listdir(path.parent) == ["net.mlp"]


def test_what_is_being_written_is_not_taken_for_left_behind(tmp_path):
    def write_both(file):
        file.write(b"outer")
        files.write_atomically(tmp_path / "inner", lambda inner: inner.write(b"inner"))

    (tmp_path / ".mlp-of-somebody").write_bytes(b"kept")
    files.write_atomically(tmp_path / "outer", write_both)
    contents = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}
    assert contents == {"outer": b"outer", "inner": b"inner", ".mlp-of-somebody": b"kept"}


def test_many_threads_write_one_file(path):
    mask = os.umask(0o027)
    try:
        contents = [bytes([k]) * 200_000 for k in range(8)]
        threads = [
            threading.Thread(
                target=files.write_atomically, args=(path, lambda file, c=content: file.write(c))
            )
            for content in contents
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        assert os.umask(mask) == 0o027
    assert path.read_bytes() in contents
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(path.parent) == ["net.mlp"]


def test_permissions(path):
    model = trained(Dense(3))
    former = os.umask(0o027)
    try:
        model.save(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        model.save(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(former)


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("target", ["other/real.mlp", "{}/other/real.mlp"])
def test_through_a_link(there, target, path):
    folder = path.parent / "other"
    folder.mkdir()
    path.symlink_to(target.format(path.parent))
    if there:
        (folder / "real.mlp").write_bytes(b"old")
    model = trained(Dense(3))
    model.save(path)
    assert path.is_symlink()
    assert bits(load_model(folder / "real.mlp")) == bits(load_model(path)) == bits(model)
    assert os.listdir(folder) == ["real.mlp"]
    assert sorted(os.listdir(path.parent)) == ["net.mlp", "other"]


def test_what_is_no_path(path):
    for what in (5, None, [path]):
        for use in (storage.read, load_model, trained(Dense(3)).save):
            with pytest.raises(ArgumentError, match="filepath must be the name of a file; got"):
                use(what)


def test_a_name_as_long_as_can_be(tmp_path):
    path = tmp_path / ("n" * 255)
    files.write_atomically(path, lambda file: file.write(b"x"))
    assert path.read_bytes() == b"x"


# reading


@pytest.mark.parametrize("name", ["pipe", "/dev/zero", "a\0b", "loop", "x" * 300, "folder"])
def test_what_is_no_file_is_not_waited_for(name, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    for read in (storage.read, load_model):
        with pytest.raises(ModelFileError, match="is not a readable model file"):
            read(tmp_path / name)


@pytest.mark.parametrize("size", [0, 8, 100, -1])
def test_a_file_that_is_cut_off_while_it_is_read(size, path, monkeypatch):
    """A file that is mapped into memory would end the process."""
    trained(Dense(300), Dense(300), Dense(3)).save(path)
    whole, header = path.stat().st_size, storage._header

    def cut(file, length):
        beginning = header(file, length)
        os.truncate(path, size % whole)
        return beginning

    monkeypatch.setattr(storage, "_header", cut)
    with pytest.raises(ModelFileError, match=r"bytes were expected, and it ended after \d+"):
        load_model(path)


def test_a_file_that_is_written_to_while_it_is_read(path, monkeypatch):
    trained(Dense(300), Dense(3)).save(path)
    header = storage._header

    def change(file, length):
        beginning = header(file, length)
        with open(path, "r+b") as other:
            other.seek(-4, os.SEEK_END)
            other.write(b"\0\0\0\0")
        os.utime(path, ns=(0, 0))  # the clock of a file may be slower than this test
        return beginning

    monkeypatch.setattr(storage, "_header", change)
    with pytest.raises(ModelFileError, match=r"net\.mlp was changed while it was read; read it again"):
        load_model(path)


def test_a_file_that_is_replaced_while_it_is_read(path, monkeypatch):
    first, second = trained(Dense(3)), trained(Dense(3), epochs=4)
    first.save(path)
    header = storage._header

    def replace(file, length):
        beginning = header(file, length)
        second.save(path)
        return beginning

    with monkeypatch.context() as patch:
        patch.setattr(storage, "_header", replace)
        assert bits(load_model(path)) == bits(first)
    assert bits(load_model(path)) == bits(second)


def test_a_large_file_that_is_none_of_ours(path):
    with open(path, "wb") as file:
        os.truncate(file.name, 2**40)
    with pytest.raises(ModelFileError, match="is not a readable model file"):
        load_model(path)
    trained(Dense(3)).save(path)
    os.truncate(path, 2**40)
    with pytest.raises(ModelFileError, match=r"\d+ bytes of numbers are in it, and its header is of \d+"):
        load_model(path)


MEASURED = """
import sys
from pathlib import Path
import mlp
mlp.models.load_model(sys.argv[2])

def kilobytes(name):
    return int(Path("/proc/self/status").read_text().partition(name + ":")[2].split(None, 1)[0])

before = kilobytes("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
try:
    mlp.models.load_model(sys.argv[1])
    print("loaded")
except mlp.errors.ModelFileError:
    print("refused")
print(kilobytes("VmHWM") - before)
"""


@pytest.mark.parametrize("change", ["whole", "optimizer", "bytes"])
def test_reading_takes_twice_the_file_at_most(change, path):
    trained(Dense(3)).save(path.with_name("small.mlp"))
    model = trained(Dense(2000), Dense(2000), Dense(3), optimizer="sgd", epochs=0)
    model.save(path)
    arrays, description = storage.read(path)
    if change == "optimizer":
        arrays = {f"optimizer.{name}": array for name, array in arrays.items()}
    elif change == "bytes":
        arrays = {"x": np.zeros(sum(array.nbytes for array in arrays.values()) // 2, np.uint8)}
    storage.write(path, arrays, description)
    outcome, grown = python(MEASURED, path, path.with_name("small.mlp")).stdout.split()
    assert outcome == ("loaded" if change == "whole" else "refused")
    assert int(grown) * 1024 < 2 * path.stat().st_size + 8_000_000
