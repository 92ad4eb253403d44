"""Files of Keras's form that were tampered with, as `mutations.py` does it with ours."""

import io
import json
import zipfile

import mutations
import numpy as np
from examples import EXAMPLES, ONE_HOT, OUTPUTS, X, example

from mlp import Sequential, layers, losses, optimizers
from mlp.errors import ArgumentError
from mlp.keras_files.parts import CLASSES
from mlp.layers import Dense, Flatten

attempt = mutations.attempt
ADDRESSES = [0, 1, 8, 96, 800, 2**16, 2**31 - 1, 2**32, 2**63 - 1, 2**64 - 1]
STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED


def contents(path) -> list[bytes]:
    """Files of small models which together have every part that Keras has too."""
    keras = path.with_suffix(".keras")
    found = []
    for model in _models():
        try:
            model.save(keras)
        except ArgumentError:  # with an option that Keras lacks
            continue
        found.append(keras.read_bytes())
    return found


def _models():
    yield _trained([Dense(4, "relu"), layers.BatchNormalization(), Dense(3, "softmax")], metrics=["accuracy"])
    for kind in ("layer", "optimizer", "loss", "metric"):
        for part in EXAMPLES[kind]:
            if part.__name__ in CLASSES[kind.capitalize()][1].split():
                yield _with(kind, part)
    for rate in EXAMPLES["schedule"]:
        yield _trained([Dense(3)], optimizer=optimizers.Adam(example(rate)))


def _with(kind, part):
    if kind == "layer":
        layer = example(part)
        rows = np.abs(np.random.default_rng(1).normal(size=(30, *(layer.input_shape or (3,)))))
        rows = rows.astype(int) % 4 if part is layers.Embedding else rows
        return _trained([layer, Flatten(), Dense(3)], x=rows)
    if kind == "loss":
        units, output, target = OUTPUTS.get(part, (3, "linear", ONE_HOT))
        return _trained([Dense(units, output)], example(part), y=target)
    if kind == "metric":
        return _trained(
            [Dense(3, "softmax")], losses.CategoricalCrossentropy(), metrics=[example(part)], y=None
        )
    rule = example(part)
    rule.rate_factors = rule.decay_factors = None  # which Keras lacks
    return _trained([Dense(4, "tanh"), Dense(3, "sigmoid")], optimizer=rule)


def _trained(stack, loss="mse", optimizer="adam", y=ONE_HOT, x=X, **options):
    model = Sequential([layers.Input(x.shape[1:]), *stack], seed=1)
    model.compile(optimizer, loss, engine="numpy", **options)
    if y is not None:
        model.fit(x, y, batch_size=10, verbose=0)
    return model


def mutate(rng, content, other) -> bytes:
    """A file that is a little, or much, unlike `content`; `other` is one to take pieces from."""
    if rng.random() < 0.15:
        return _in_bytes(rng, content)
    config, theirs = (_members(data)["config.json"] for data in (content, other))
    members = _members(content)
    kind = rng.random()
    if kind < 0.6:
        members["config.json"] = _in_config(rng, config, theirs)
    if kind > 0.5:
        weights = members["model.weights.h5"] if rng.random() < 0.9 else _members(other)["model.weights.h5"]
        members["model.weights.h5"] = _in_bytes(rng, weights)
    return _packed(rng, members)


def _members(content) -> dict:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _in_config(rng, config, theirs) -> bytes:
    document = _apart(config)
    for _ in range(rng.integers(1, 4)):
        mutations._in_document(rng, document, _apart(theirs))
    whole = document.get("whole")
    if isinstance(whole, dict):  # if it has not become something else itself
        whole |= {"config": document.get("model"), "compile_config": document.get("compile")}
    text = json.dumps(whole)
    if rng.random() < 0.1:
        text = mutations._in_text(rng, text)
    return text.encode(errors="surrogatepass")


def _apart(text) -> dict:
    data = json.loads(text)
    return {"model": data.pop("config"), "compile": data.pop("compile_config"), "whole": data}


def _packed(rng, members) -> bytes:
    """An archive of them; now and then with one too few, twice, or packed."""
    buffer, names = io.BytesIO(), list(members)
    if rng.random() < 0.03:
        names.pop(int(rng.integers(len(names))))
    with zipfile.ZipFile(buffer, "w", DEFLATED if rng.random() < 0.2 else STORED) as archive:
        for name in names:
            archive.writestr(name, members[name])
    return buffer.getvalue()


def _in_bytes(rng, content) -> bytes:
    """Some bytes changed, most of them where there are not only zeros."""
    changed = bytearray(content)
    for _ in range(rng.integers(1, 6)):
        at = int(rng.integers(len(changed)))
        for _ in range(20 * (rng.random() < 0.7)):
            if changed[at]:
                break
            at = int(rng.integers(len(changed)))
        kind, length = rng.integers(6), int(rng.integers(1, 64))
        if kind == 0:
            changed[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            changed[at] = int(rng.integers(256))
        elif kind == 2:
            changed[at : at + 8] = ADDRESSES[int(rng.integers(len(ADDRESSES)))].to_bytes(8, "little")
        elif kind == 3:
            there = int(rng.integers(len(changed)))
            changed[at : at + length] = changed[there : there + length]
        elif kind == 4 and len(changed) > 100:
            del changed[at : at + length]
        elif rng.random() < 0.2:
            del changed[max(1, at) :]
    return bytes(changed)
