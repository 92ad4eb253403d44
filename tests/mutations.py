"""Files of models that were tampered with, for `test_fuzzed_files.py` and `benchmarks.fuzz_files`."""

import json
import struct

import numpy as np
from examples import EXAMPLES, LABELS, ONE_HOT, OUTPUTS, X, example

from mlp import Sequential, layers, metrics, models, optimizers
from mlp.errors import MLPError
from mlp.layers import Dense, Flatten

NAMES = [*sorted(part.__name__ for parts in EXAMPLES.values() for part in parts), "Sequential", "Input"]
PATHS = ["../../../etc/passwd", "/dev/zero", "C:\\x", "a/b", "..", "\0", "__class__", "__init__", "os.system"]
NUMBERS = [
    0, -1, 1, 2, 3, 31, 33, 255, 2**15, 2**20, 2**24, 2**28, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64, 2**70,
    10**12, 10**30, 10**400, -(2**63), -(10**30), 0.0, -0.0, 0.5, -1.5, 1e-320, 1e30, 1e300, 2.0**70,
    float("nan"), float("inf"), float("-inf"),
]  # fmt: skip
JUNK = [
    None, True, False, "", "x", "é" * 40, "\ud800", "float64", "float16", "int32", "optimizer", "a.b",
    "dense", [], [[]], [0], [1, 2], [None], [3.5], {}, {"a": 1}, {"function": "tripled"},
    {"function": "largest_error"},
    {"function": "load_model"}, {"class_name": "Dense", "config": {"units": 2}},
    {"class_name": "Adam", "config": {}}, {"class_name": [], "config": {}},
    {"class_name": "Sequential", "config": {"layers": []}}, {"class_name": "tripled", "config": {}},
    [2**22], [2**22, 1], [1] * 30, [2] * 25, [10**12], [0, 3], [-1], [1.0],
]  # fmt: skip
TYPES = [
    "F64",
    "F32",
    "F16",
    "BF16",
    "F8_E4M3",
    "F8_E5M2",
    "F4",
    "BOOL",
    "I8",
    "U8",
    "I64",
    "U64",
    "C64",
    "f32",
]


def contents(path) -> list[bytes]:
    """Files of small models which together have every part that there is."""
    return [_saved(model, path) for model in _models()]


def _saved(model, path) -> bytes:
    model.save(path)
    return path.read_bytes()


def _models():
    softmax = [Dense(4, "relu"), layers.Dropout(0.3, seed=1), Dense(3, "softmax")]
    yield _trained(softmax, "categorical_crossentropy", "adam", metrics=["accuracy"])
    for part in EXAMPLES["layer"]:
        layer = example(part)
        rows = np.abs(np.random.default_rng(1).normal(size=(30, *(layer.input_shape or (3,)))))
        rows = rows.astype(int) % 4 if part is layers.Embedding else rows
        yield _trained([layer, Flatten(), Dense(3)], "mse", "adam", x=rows)
    for part in EXAMPLES["activation"]:
        yield _trained([Dense(4, example(part)), Dense(3)], "mse", "sgd")
    for part in EXAMPLES["loss"]:
        units, output, target = OUTPUTS.get(part, (3, "linear", ONE_HOT))
        yield _trained([Dense(units, output)], example(part), "sgd", target)
    for part in EXAMPLES["optimizer"]:
        rule = example(part)
        size = None if isinstance(rule, optimizers.Solver) else 8
        yield _trained([Dense(4, "tanh"), Dense(3, "sigmoid")], "mse", rule, batch_size=size)
    for part in EXAMPLES["schedule"]:
        yield _trained([Dense(3)], "mse", optimizers.SGD(example(part)))
    for part in EXAMPLES["metric"]:
        if part not in (metrics.Mean, metrics.Sum):
            target, sparse = (LABELS, "sparse_") if "Sparse" in part.__name__ else (ONE_HOT, "")
            loss = f"{sparse}categorical_crossentropy"
            yield _trained([Dense(3, "softmax")], loss, "sgd", target, metrics=[example(part)])
    for kernel in [part for kind in ("initializer", "regularizer", "constraint") for part in EXAMPLES[kind]]:
        kind = next(kind for kind in EXAMPLES if kernel in EXAMPLES[kind])
        yield _trained([Dense(4, "tanh", **{f"kernel_{kind}": example(kernel)}), Dense(3)], "mse", "sgd")


def _trained(stack, loss, optimizer, target=ONE_HOT, x=X, batch_size=8, **options):
    model = Sequential(stack, seed=1)
    model.compile(optimizer, loss, engine="numpy", **options)
    model.fit(x, target, batch_size=batch_size, verbose=0)
    return model


def attempt(path) -> str:
    """Read a file and use the model in it, if any: "loaded" or "refused". Any other error is a find."""
    try:
        model = models.load_model(path)
    except MLPError as error:
        if isinstance(error.__cause__, MemoryError):
            raise
        return "refused"
    model.engine_asked = "numpy"  # whatever the layers are, nothing is compiled for one row
    json.dumps(model.get_config())
    try:
        model.predict(np.ones((1, *model.input_shape)))
    except MLPError:
        return "loaded"
    return "loaded"


# tampering


def mutate(rng, content, other) -> bytes:
    """A file that is a little, or much, unlike `content`; `other` is one to take pieces from."""
    if rng.random() < 0.3:
        return _in_bytes(rng, content, other)
    (size,) = struct.unpack("<Q", content[:8])
    header, numbers = json.loads(content[8 : 8 + size]), content[8 + size :]
    document = json.loads(header["__metadata__"]["mlp"])
    for _ in range(rng.integers(1, 4)):
        kind = rng.random()
        if kind < 0.2:
            numbers = _in_header(rng, header, numbers)
        else:
            (other_size,) = struct.unpack("<Q", other[:8])
            theirs = json.loads(json.loads(other[8 : 8 + other_size])["__metadata__"]["mlp"])
            _in_document(rng, document, theirs)
    text = json.dumps(document)
    if rng.random() < 0.1:
        text = _in_text(rng, text)
    head = json.dumps(header | {"__metadata__": {"mlp": text}}, ensure_ascii=bool(rng.random() < 0.9))
    whole = head.encode(errors="surrogatepass")
    whole += b" " * (-len(whole) % 8)
    content = struct.pack("<Q", len(whole)) + whole + numbers
    return _in_bytes(rng, content, other) if rng.random() < 0.1 else content


def _pick(rng, choices):
    return choices[int(rng.integers(len(choices)))]


def _junk(rng):
    pile = _pick(rng, [NUMBERS, NUMBERS, JUNK, NAMES, PATHS])
    return json.loads(json.dumps(_pick(rng, pile)))


def _place(rng, data):
    """A list or dict somewhere in nested data, and a key or an index of it; or None."""
    found = None
    while isinstance(data, dict | list) and data:
        key = _pick(rng, list(data)) if isinstance(data, dict) else int(rng.integers(len(data)))
        found = data, key
        if rng.random() < 0.2:
            break
        data = data[key]
    return found


def _in_document(rng, document, other) -> None:
    place, theirs = _place(rng, document), _place(rng, other)
    if place is None:
        return
    data, key = place
    kind = rng.integers(11)
    if kind < 3:
        data[key] = _junk(rng)
    elif kind == 3:
        del data[key]
    elif kind == 4 and theirs is not None:
        data[key] = theirs[0][theirs[1]]
    elif kind == 5 and isinstance(data, list):
        data[:] = data * int(rng.integers(2, 30)) if len(data) < 100 else data[:1]
    elif kind == 5:
        data[_pick(rng, [str(key) + "x", "", "layers", "name", "input_shape", "seed", "dtype"])] = _junk(rng)
    elif kind == 6 and type(data[key]) in (int, float) and abs(data[key]) < 1e300:
        factor = _pick(rng, [-1, 0, 2, 10, 1000, 2**20, 2**40, 10**12, 0.5, 1e-9])
        data[key] = data[key] * factor + _pick(rng, [0, 1, -1])
    elif kind == 7:
        for _ in range(int(_pick(rng, [1, 2, 10, 33, 200]))):
            data[key] = [data[key]] if rng.random() < 0.5 else {_pick(rng, ["config", "x"]): data[key]}
    elif kind == 8:
        data, key = _pick(rng, [*_numbers(document)])
        data[key] = int(_pick(rng, [2, 3, 2**10, 2**16, 2**20, 2**23, 2**26, 2**30, 10**12]))
    elif kind == 9:
        stacks, others = _stacks(document), _stacks(other)
        if stacks and others:
            stack = _pick(rng, stacks)
            stack.insert(int(rng.integers(len(stack) + 1)), _pick(rng, _pick(rng, others)))
    else:
        names = {"class_name": NAMES, "dtype": ["float32", "float64", "float16"]}
        data[key] = _pick(rng, names.get(key, [True, False, None]))


def _places(data):
    """All lists and dicts in nested data with each of their keys."""
    for key in list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ():
        yield data, key
        yield from _places(data[key])


def _stacks(data):
    """The lists of layers in nested data."""
    found = [data[key] for data, key in _places(data) if key == "layers"]
    return [stack for stack in found if isinstance(stack, list) and stack]


def _numbers(data):
    parts = [data.get("model"), data.get("compile")]  # where they are sizes, which elsewhere they seldom are
    found = [(inner, key) for part in parts for inner, key in _places(part) if type(inner[key]) is int]
    return found or [({"none": 1}, "none")]


def _in_header(rng, header, numbers) -> bytes:
    names = [
        name
        for name, entry in header.items()
        if isinstance(entry, dict)
        and len(entry.get("data_offsets") or ()) == 2
        and isinstance(entry.get("shape"), list)
    ]
    if not names:
        return numbers
    name = _pick(rng, names)
    entry = header[name]
    kind = rng.integers(9)
    if kind == 0:
        entry["dtype"] = _pick(rng, TYPES)
    elif kind == 1:
        entry["shape"] = _pick(
            rng, [[], [0], [2**40], [2**32, 2**32], [-1], [1] * 70, [2.5], None, entry["shape"][::-1]]
        )
    elif kind == 2:
        start, end = entry["data_offsets"]
        step = int(_pick(rng, [1, 4, 8, -4, 2**40, 2**63, 2**64, -(2**63)]))
        entry["data_offsets"] = _pick(
            rng, [[start + step, end + step], [start, end + step], [end, start], [start]]
        )
    elif kind == 3:
        del header[name]
    elif kind == 4:
        header[_pick(rng, [*PATHS, "optimizer.m", "dense.W", "optimizer.", name * 100])] = header.pop(name)
    elif kind == 5:
        header["twin"] = dict(entry)  # overlaps
    elif kind == 6:
        more = int(_pick(rng, [1, 8, 4096]))
        header["more"] = {"dtype": "U8", "shape": [more], "data_offsets": [len(numbers), len(numbers) + more]}
        return numbers + rng.bytes(more)
    elif kind == 7:
        header[name] = _junk(rng)
    else:
        header["empty"] = {"dtype": "F32", "shape": [0, 2**60], "data_offsets": [0, 0]}
    return numbers


def _in_text(rng, text) -> str:
    at = int(rng.integers(len(text)))
    length = int(_pick(rng, [10, 400, 5000, 100_000]))
    piece = _pick(
        rng,
        ["[" * length, '{"a":' * length, "[]," * length, "9" * length, "-1e99999", "NaN", "Infinity",
         '"\\ud800"', '"versions": {"format": 1}, ', '"model": {}, ',
         "\\u0000", '"', ",", "}", "/* */", "1.5.2", "0x10"],
    )  # fmt: skip
    return text[:at] + piece + (text[at:] if rng.random() < 0.8 else text[at + len(piece) :])


def _in_bytes(rng, content, other) -> bytes:
    whole = bytearray(content)
    header = 8 + int.from_bytes(content[:8], "little")
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(max(1, min(header, len(whole)) if rng.random() < 0.7 else len(whole))))
        length, kind = int(rng.integers(1, 40)), rng.integers(6)
        if kind == 0:
            whole[at : at + 1] = bytes([whole[at] ^ (1 << int(rng.integers(8)))]) if at < len(whole) else b""
        elif kind == 1:
            whole[at : at + length] = rng.bytes(length)
        elif kind == 2:
            whole[at : at + length] = bytes(
                rng.choice(list(b'0123456789[]{}",:.-eE truefalsn'), length).tolist()
            )
        elif kind == 3:
            del whole[at : at + length]
        elif kind == 4:
            start = int(rng.integers(len(other)))
            whole[at:at] = other[start : start + length]
        else:
            del whole[int(rng.integers(len(whole) + 1)) :]
    if rng.random() < 0.7:  # else most would fail at the length of the header already
        grown = max(0, header - 8 + len(whole) - len(content))
        whole[:8] = struct.pack("<Q", grown if rng.random() < 0.9 else int(_pick(rng, [2**63, 10**9, 8, 0])))
    return bytes(whole)
