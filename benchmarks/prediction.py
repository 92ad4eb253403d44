"""One row through a net, 64-100-10: how long a single answer takes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.cells import FLOAT, Array, Cell

CELL = Cell((64, 100, 10), 1, "sgd", 100)
Predict = Callable[[Array], Array]


def prepare_mlp() -> Predict:
    """`predict` of this package."""
    import mlp

    layers = [mlp.layers.Dense(100, activation="relu"), mlp.layers.Dense(10, activation="softmax")]
    model = mlp.Sequential([mlp.layers.Input((64,)), *layers])
    model.set_weights(CELL.weights())
    return model.predict


def prepare_onnx() -> Predict:
    """ONNX Runtime: a session on a graph of Gemm, Relu, Gemm, Softmax."""
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx_net(CELL), providers=["CPUExecutionProvider"])
    return lambda X: session.run(None, {"X": X})[0]


def onnx_net(cell: Cell) -> bytes:
    """The net as an ONNX file's bytes."""
    from onnx import TensorProto, checker, helper, numpy_helper

    weights, names = cell.weights(), ("W1", "b1", "W2", "b2")
    nodes = [
        helper.make_node("Gemm", ["X", "W1", "b1"], ["net1"]),
        helper.make_node("Relu", ["net1"], ["out1"]),
        helper.make_node("Gemm", ["out1", "W2", "b2"], ["net2"]),
        helper.make_node("Softmax", ["net2"], ["Y"], axis=1),
    ]
    X = helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, cell.sizes[0]])
    Y = helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, cell.sizes[-1]])
    constants = [numpy_helper.from_array(array, name) for array, name in zip(weights, names, strict=True)]
    graph = helper.make_graph(nodes, "net", [X], [Y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    checker.check_model(model)
    return model.SerializeToString()


def prepare_torch() -> Predict:
    """PyTorch without gradients; a tensor in, probabilities out as NumPy has them."""
    import torch

    model = torch.nn.Sequential(peers.torch_net(CELL), torch.nn.Softmax(dim=1)).eval()

    def predict(X: Array) -> Array:
        with torch.no_grad():
            return model(torch.from_numpy(X)).numpy()

    return predict


def prepare_sklearn() -> Predict:
    """`predict_proba` of scikit-learn."""
    from sklearn.neural_network import MLPClassifier

    X, _ = CELL.data()
    y = np.arange(CELL.rows) % CELL.sizes[-1]
    model = MLPClassifier(CELL.sizes[1:-1]).partial_fit(X, y, classes=range(CELL.sizes[-1]))
    weights = CELL.weights()
    model.coefs_, model.intercepts_ = weights[0::2], weights[1::2]
    return model.predict_proba


def prepare_keras() -> Predict:
    """`predict` of Keras."""
    model, _ = peers.keras_net(CELL)
    return lambda X: model.predict(X, verbose=0)


Prepare = Callable[[], Predict]
PREDICTORS: list[tuple[str, str, Prepare]] = [
    ("mlp", "mlp", prepare_mlp),
    ("onnx", "ONNX Runtime", prepare_onnx),
    ("torch", "PyTorch, eager", prepare_torch),
    ("sklearn", "scikit-learn", prepare_sklearn),
    ("keras", "Keras on JAX", prepare_keras),
]


def agree(predictors: dict[str, Any]) -> bool:
    """Whether all of them give the same probabilities for the same row."""
    row = one_row()
    answers = [np.asarray(predict(row)) for predict in predictors.values()]
    return all(np.allclose(answer, answers[0], atol=1e-5) for answer in answers)


def one_row() -> Array:
    """The row that is asked about."""
    return np.random.default_rng(4).standard_normal((1, CELL.sizes[0])).astype(FLOAT)
