"""The house rules, held by parsing the source: one-way imports, short files, docstrings, light import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from import_order import ORDER

import mlp

PACKAGE = Path(mlp.__file__).parent
ROOT = Path(__file__).parent.parent

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
