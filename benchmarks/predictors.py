"""Every contestant's `predict` behind one function: it takes rows, and gives probabilities as NumPy has them.

Each has the weights of `Cell.weights`, so that all answers have to be the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks import peers
from benchmarks.cells import Array, Cell

Predict = Callable[[Array], Array]


def prepare_mlp(cell: Cell, engine: str) -> Predict:
    """`predict` of this package."""
    return peers.mlp_net(cell, engine).predict


def prepare_onnx(cell: Cell) -> Predict:
    """ONNX Runtime: a session on a graph of Gemm, Relu, … Gemm, Softmax."""
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx_net(cell), providers=["CPUExecutionProvider"])
    return lambda X: session.run(None, {"X": X})[0]


def onnx_net(cell: Cell) -> bytes:
    """The net as an ONNX file's bytes."""
    from onnx import TensorProto, checker, helper, numpy_helper

    weights, nodes, constants, name = cell.weights(), [], [], "X"
    for k, (W, b) in enumerate(zip(weights[0::2], weights[1::2], strict=True)):
        constants += [numpy_helper.from_array(W, f"W{k}"), numpy_helper.from_array(b, f"b{k}")]
        nodes.append(helper.make_node("Gemm", [name, f"W{k}", f"b{k}"], [f"net{k}"]))
        nodes.append(helper.make_node("Relu", [f"net{k}"], [name := f"out{k}"]))
    nodes[-1] = helper.make_node("Softmax", [f"net{k}"], ["Y"], axis=1)
    X = helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, cell.sizes[0]])
    Y = helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, cell.sizes[-1]])
    graph = helper.make_graph(nodes, "net", [X], [Y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    checker.check_model(model)
    return model.SerializeToString()


def prepare_torch(cell: Cell) -> Predict:
    """PyTorch in inference mode; an array in, an array out."""
    import torch

    model = torch.nn.Sequential(peers.torch_net(cell), torch.nn.Softmax(dim=1)).eval()

    def predict(X: Array) -> Array:
        with torch.inference_mode():
            return model(torch.from_numpy(X)).numpy()

    return predict


def prepare_sklearn(cell: Cell) -> Predict:
    """`predict_proba` of scikit-learn."""
    from sklearn.neural_network import MLPClassifier

    X, _ = cell.data()
    y = np.arange(cell.rows) % cell.sizes[-1]
    model = MLPClassifier(cell.sizes[1:-1]).partial_fit(X, y, classes=range(cell.sizes[-1]))
    weights = cell.weights()
    model.coefs_, model.intercepts_ = weights[0::2], weights[1::2]
    return model.predict_proba


def prepare_keras(cell: Cell) -> Predict:
    """`predict` of Keras, with all rows in one batch."""
    model, _ = peers.keras_net(cell)
    return lambda X: model.predict(X, batch_size=len(X), verbose=0)


@dataclass(frozen=True)
class Predictor:
    """A contestant: what it is called in a table, and the function that prepares it for a net."""

    title: str
    prepare: Callable[[Cell], Predict]


PREDICTORS = {
    "compiled": Predictor("mlp, compiled", partial(prepare_mlp, engine="numba")),
    "mlp": Predictor("mlp, NumPy", partial(prepare_mlp, engine="numpy")),
    "onnx": Predictor("ONNX Runtime", prepare_onnx),
    "torch": Predictor("PyTorch", prepare_torch),
    "sklearn": Predictor("scikit-learn", prepare_sklearn),
    "keras": Predictor("Keras", prepare_keras),
}
