"""Make shap_values.json: contributions as shap and PyTorch compute them, for the tests to hold mlp to.

The tests need neither, only the committed file. To make it again, from the root of the repository
and in an environment of its own:

    python -m venv /tmp/shap
    /tmp/shap/bin/pip install torch --index-url https://download.pytorch.org/whl/cpu
    /tmp/shap/bin/pip install shap numpy
    /tmp/shap/bin/python tests/golden/shap_values.py

For each net: DeepLIFT by shap.DeepExplainer on a background; integrated gradients by PyTorch's derivatives
on 400 points of Gauss and Legendre (of relu 40,000 equal ones); and of one net the mean of
shap.GradientExplainer, which draws its points at random. All in float64; mlp is not imported.
"""

import itertools
import json
import pathlib

import numpy as np
import shap
import torch

INPUTS, HIDDEN, OUTPUTS = 4, (6, 5), 3
FUNCTIONS = {
    "relu": torch.nn.ReLU,
    "tanh": torch.nn.Tanh,
    "sigmoid": torch.nn.Sigmoid,
    "softplus": torch.nn.Softplus,
    "elu": torch.nn.ELU,
    "leaky_relu": lambda: torch.nn.LeakyReLU(0.2),
}
MODEL_OF_GRADIENT_EXPLAINER = "tanh"


def main() -> None:
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    rng = np.random.default_rng(0)
    X, background = rng.normal(size=(4, INPUTS)).round(3), rng.normal(size=(5, INPUTS)).round(3)
    golden = {
        "versions": {peer.__name__: peer.__version__ for peer in (shap, torch, np)},
        "X": X.tolist(),
        "background": background.tolist(),
        "nets": {name: of_net(name, make, rng, X, background) for name, make in FUNCTIONS.items()},
    }
    file = pathlib.Path(__file__).with_name("shap_values.json")
    file.write_text(json.dumps(golden, allow_nan=False, separators=(",", ":")).replace('],"', '],\n"') + "\n")
    print(f"{file.name}: {file.stat().st_size} bytes")


def of_net(name, make, rng, X, background):
    sizes = (INPUTS, *HIDDEN, OUTPUTS)
    weights = [
        array.round(3)
        for i, o in itertools.pairwise(sizes)
        for array in (rng.normal(0, 1, (i, o)), rng.normal(0, 0.5, o))
    ]
    net = twin(weights, make)
    found = {"weights": [array.tolist() for array in weights]}
    explainer = shap.DeepExplainer(net, torch.tensor(background))
    found["deeplift"] = rounded(explainer.shap_values(torch.tensor(X)))  # (n, i, o)
    found["integrated_gradients"] = rounded(integrated(net, name, X, background[0]))
    if name == MODEL_OF_GRADIENT_EXPLAINER:
        explainer = shap.GradientExplainer(net, torch.tensor(background))
        found["expected_gradients"] = rounded(
            explainer.shap_values(torch.tensor(X), nsamples=50_000, rseed=0)
        )
    return found


def twin(weights, make):
    modules = []
    for W, b in zip(weights[::2], weights[1::2], strict=True):
        linear = torch.nn.Linear(*W.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(W.T))
            linear.bias.copy_(torch.tensor(b))
        modules += [linear, make()]
    return torch.nn.Sequential(*modules[:-1])


def integrated(net, name, X, baseline):
    if name in ("relu", "leaky_relu"):
        alpha, shares = (np.arange(40_000) + 0.5) / 40_000, np.full(40_000, 1 / 40_000)
    else:
        nodes, shares = np.polynomial.legendre.leggauss(400)
        alpha, shares = (nodes + 1) / 2, shares / 2
    found = np.empty((*X.shape, OUTPUTS))
    for n, x in enumerate(X):
        for k in range(OUTPUTS):
            way = torch.tensor(baseline + alpha[:, None] * (x - baseline), requires_grad=True)
            net(way)[:, k].sum().backward()
            found[n, :, k] = (x - baseline) * (shares @ way.grad.numpy())
    return found


def rounded(array):
    return [[[float(f"{value:.11g}") for value in row] for row in rows] for rows in np.asarray(array)]


if __name__ == "__main__":
    main()
