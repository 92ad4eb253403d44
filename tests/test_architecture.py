"""The house rules, held by parsing the source: one-way imports, short files, docstrings, light import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mlp

PACKAGE = Path(mlp.__file__).parent
ROOT = Path(__file__).parent.parent

# A file imports only from entries above its own; within a folder, in the order of its entry.
ORDER = [
    "version",
    "errors",
    "elementary",
    "arrays",
    "files",
    "packing",
    "naming",
    "catalogue",
    "randomness",
    "initializers",
    "regularizers",
    "constraints",
    "activations.base",
    "activations.ramps",
    "activations.sigmoids",
    "activations.normal",
    "activations.rectifiers",
    "activations.exponential_rectifiers",
    "activations.gated",
    "activations.shrinking",
    "activations.smooth",
    "activations.normalized",
    "activations.learned",
    "activations",
    "losses.base",
    "losses.squared",
    "losses.regression",
    "losses.probabilities",
    "losses.crossentropy",
    "losses.labels",
    "losses.focal",
    "losses.categorical_focal",
    "losses.hinges",
    "losses.divergence",
    "losses.counts",
    "losses.distributions",
    "losses.masked",
    "losses.pairs",
    "losses",
    "layers.base",
    "layers.propagation",
    "layers.stack",
    "layers.dense",
    "layers.activation",
    "layers.scale_and_shift",
    "layers.batch_normalization",
    "layers.row_normalization",
    "layers.group_normalization",
    "layers.regularization",
    "layers.preprocessing",
    "layers.embedding",
    "layers.function",
    "layers.shape",
    "layers.blocks",
    "layers.jacobian",
    "layers",
    "parameters",
    "metrics.base",
    "metrics.accuracy",
    "metrics.mean_losses",
    "metrics.moments",
    "metrics.regression",
    "metrics.correlation",
    "metrics.thresholds",
    "metrics.tradeoffs",
    "metrics.auc",
    "metrics.f_scores",
    "metrics.confusion",
    "metrics.iou",
    "metrics.calibration",
    "metrics.reductions",
    "metrics",
    "data.batches",
    "data.passes",
    "data.splits",
    "data.ahead",
    "data.rows",
    "data.windows",
    "data.tables",
    "data.frames",
    "data.kinds",
    "data.gathering",
    "data.sequences",
    "data.streams",
    "data",
    "optimizers.settings",
    "optimizers.blocks",
    "optimizers.base",
    "optimizers.descent",
    "optimizers.ftrl",
    "optimizers.adaptive",
    "optimizers.adam",
    "optimizers.adam_kin",
    "optimizers.matrices",
    "optimizers.muon",
    "optimizers.decays",
    "optimizers.cycles",
    "optimizers.schedules",
    "optimizers.objective",
    "optimizers.lbfgs",
    "optimizers.levenberg_marquardt",
    "optimizers.scaled_conjugate_gradient",
    "optimizers.loops",
    "optimizers",
    "storage",
    "keras_files.parts",
    "keras_files.architecture",
    "keras_files.hdf5",
    "keras_files.archive",
    "keras_files.optimizer_state",
    "keras_files",
    "weight_files",
    "callbacks.base",
    "callbacks.history",
    "callbacks.progress",
    "callbacks.monitoring",
    "callbacks.averages",
    "callbacks.checkpoint",
    "callbacks.early_stopping",
    "callbacks.functions",
    "callbacks.logs",
    "callbacks.rates",
    "callbacks.rate_finder",
    "callbacks.recovery",
    "callbacks.backup",
    "callbacks",
    "engines",
    "engines.kernels",
    "engines.kernels.reals",
    "engines.kernels.elementary",
    "engines.kernels.pointers",
    "engines.kernels.walk",
    "engines.kernels.exact",
    "engines.kernels.blas",
    "engines.kernels.teams",
    "engines.kernels.blocks",
    "engines.kernels.vectors",
    "engines.kernels.products",
    "engines.kernels.states",
    "engines.kernels.forking",
    "engines.kernels.small_products",
    "engines.kernels.intrinsics",
    "engines.kernels.machine",
    "engines.kernels.shelf",
    "engines.kernels.translation",
    "engines.kernels.compiler",
    "engines.kernels.noise",
    "engines.kernels.tape",
    "engines.kernels.arithmetic",
    "engines.kernels.activations",
    "engines.kernels.activity",
    "engines.kernels.data",
    "engines.kernels.losses",
    "engines.kernels.penalties",
    "engines.kernels.propagation",
    "engines.kernels.clipping",
    "engines.kernels.matrix_updates",
    "engines.kernels.projections",
    "engines.kernels.updates",
    "engines.kernels.programs",
    "engines.numpy_engine",
    "engines.numba_engine",
    "engines.choice",
    "engines.kernels.activation_layer",
    "engines.kernels.batch_normalization",
    "engines.kernels.concatenate",
    "engines.kernels.dense",
    "engines.kernels.dropout",
    "engines.kernels.embedding",
    "engines.kernels.passing",
    "engines.kernels.rearranging",
    "engines.kernels.residual",
    "engines.kernels.row_normalization",
    "engines.kernels.scaling",
    "engines.kernels.unit_normalization",
    "engines.threads",
    "evaluation",
    "sources",
    "predicting",
    "interrupts",
    "snapshots",
    "resuming",
    "training",
    "opening",
    "summary",
    "compilation",
    "inspection.network",
    "inspection.writing",
    "inspection.trace",
    "inspection.differences",
    "inspection",
    "explanations.passes",
    "explanations.gradients",
    "explanations.rescaling",
    "explanations.contributions",
    "explanations.importance",
    "explanations",
    "doctor.findings",
    "doctor.case",
    "doctor.data",
    "doctor.units",
    "doctor.deltas",
    "doctor.rate",
    "doctor.outputs",
    "doctor.curves",
    "doctor.examination",
    "doctor",
    "callbacks.weight_record",
    "callbacks.training_doctor",
    "plots.style",
    "plots.runs",
    "plots.columns",
    "plots.nodes",
    "plots.network",
    "plots.trace_figure",
    "plots.plane",
    "plots.responses",
    "plots.boundary",
    "plots.weights",
    "plots.functions",
    "plots.curves",
    "plots.surface",
    "plots.loops",
    "plots.distributions",
    "plots.explanations_figure",
    "callbacks.live_plot",
    "model",
    "sequential",
    "rations",
    "models",
    "saving",
    "drawing",
    "utils",
    "estimators.arithmetic",
    "estimators.rows",
    "estimators.listeners",
    "estimators.fused",
    "estimators.exact_engine",
    "estimators.layer_engine",
    "estimators.network",
    "estimators.rules",
    "estimators.loop",
    "estimators.solvers",
    "estimators.judging",
    "estimators.fitting",
    "estimators.answers",
    "estimators.constraints",
    "estimators.plain",
    "estimators.base",
    "estimators.classifier",
    "estimators.regressor",
    "estimators.architecture",
    "estimators.watching",
    "estimators.wrapped",
    "estimators.wrapped_classifier",
    "estimators.wrapped_regressor",
    "estimators",
    "plots.judging",
    "plots",
    "datasets",
    "tables",
    "tabular",
    "reports",
    "cli",
    "__init__",
    "__main__",
]
SOURCES = sorted(PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1]) if parts[-1] == "__init__" and len(parts) > 1 else ".".join(parts)


def typing_only(tree: ast.Module) -> set[ast.AST]:
    """What stands under ``if TYPE_CHECKING``: names for the reader, imported by nobody."""
    blocks = [n for n in tree.body if isinstance(n, ast.If) and getattr(n.test, "id", "") == "TYPE_CHECKING"]
    return {child for block in blocks for child in ast.walk(block)}


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    ignored, found = typing_only(tree), set()
    for node in ast.walk(tree):
        if node in ignored or not isinstance(node, ast.ImportFrom) or node.level:
            continue
        if node.module == "mlp":
            found |= {name.name for name in node.names}
        elif node.module and node.module.startswith("mlp."):
            base = node.module.removeprefix("mlp.")
            submodules = {f"{base}.{name.name}" for name in node.names} & set(ORDER)
            found |= submodules or {base}
    return found


def top_of(name: str) -> str:
    return name if name in ORDER else "__init__"


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_imports_go_one_way(path):
    own = module_name(path)
    assert own in ORDER, f"give {own} its place in ORDER"
    for name in imported(path):
        if own == "cli" and name == "__version__":
            continue
        assert name in ORDER, f"{own} imports {name}, which has no place in ORDER"
        assert ORDER.index(name) < ORDER.index(own), f"{own} must not import {name}, which stands below it"


@pytest.mark.parametrize("path", [*SOURCES, *sorted(ROOT.glob("tests/**/*.py"))], ids=lambda p: p.name)
def test_files_are_short(path):
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_functions_fit_a_screen(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            assert lines <= 50, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_public_things_are_documented(path):
    """A method may go without where it implements one of a base class, which has the docstring."""
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "the file says what it is for"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name
        if isinstance(node, ast.ClassDef) and not node.bases:
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
                    assert ast.get_docstring(method), f"{node.name}.{method.name}"


def test_inheritance_is_one_level_deep():
    """A part is abstract (Layer, Loss …) or final (Dense, SGD …)."""
    abstract = {
        mlp.layers.Layer, mlp.losses.Loss, mlp.optimizers.Optimizer, mlp.activations.Activation,
        mlp.optimizers.schedules.LearningRateSchedule,
        mlp.initializers.Initializer, mlp.metrics.Metric, mlp.callbacks.Callback,
        mlp.regularizers.Regularizer, mlp.constraints.Constraint,
    }  # fmt: skip
    for base in abstract:
        for final in base.__subclasses__():
            if final.__module__.startswith("mlp."):
                assert not [c for c in final.__subclasses__() if c.__module__.startswith("mlp.")], final


def run(code: str) -> str:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return result.stdout.strip()


def test_import_loads_numpy_alone():
    loaded = run(
        "import sys, numpy; before = set(sys.modules); import mlp; mlp.Sequential;"
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    ).split()
    foreign = set(loaded) - set(sys.stdlib_module_names) - {"mlp", "numpy"}
    assert not foreign


def test_all_names_exist_and_are_exported():
    assert all(getattr(mlp, name) is not None for name in mlp.__all__)
    assert set(mlp.__all__) <= set(dir(mlp))
    with pytest.raises(AttributeError, match="module 'mlp' has no attribute 'layer'; it has Initializer, In"):
        mlp.layer  # noqa: B018
    for name in mlp.__all__:
        module = getattr(mlp, name)
        public = getattr(module, "__all__", [])
        assert all(hasattr(module, name) for name in public)
        assert set(public) <= set(dir(module))


def test_typed():
    assert (PACKAGE / "py.typed").exists()
