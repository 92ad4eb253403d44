"""What is written runs: Python blocks of README and docs/, and notebooks. (Doctests run by themselves.)"""

import ast
import json
import re
import runpy
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(path: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if blocks(path)], ids=lambda p: p.stem)
def test_blocks_run(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict = {"__name__": path.stem}
    for block in blocks(path):
        exec(compile(block, path.name, "exec"), names)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.stem)
def test_links_lead_to_files_that_exist(path):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_a_part_of_ones_own_takes_under_fifteen_lines():
    parts = [
        node
        for block in blocks(ROOT / "docs" / "extending.md")
        for node in ast.parse(block).body
        if isinstance(node, ast.ClassDef)
    ]
    assert len(parts) == 10
    for part in parts:
        assert part.end_lineno - part.lineno + 1 < 15, part.name


def test_the_table_of_kerass_names_is_complete_and_true():
    """It is what its script writes, and each of our names in it exists."""
    script, table = ROOT / "docs" / "make_keras_table.py", ROOT / "docs" / "keras.md"
    names = runpy.run_path(str(script))
    assert table.read_text(encoding="utf-8") == names["table"](), "run python docs/make_keras_table.py"


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # pictures go into the notebook
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()


def test_the_line_that_installs_for_the_notebooks_names_what_they_import():
    """A learner who follows it meets no missing package; what a named package needs itself comes along."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["plot"]]
    installed = {re.match(r"[\w-]+", line)[0] for line in needed} | {"mlp"}
    of_others = {"sklearn": "scikit-learn", "joblib": "scikit-learn", "IPython": "jupyterlab"}
    imported = set()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                found = re.findall(r"^(?:from|import) (\w+)", "".join(cell["source"]), flags=re.MULTILINE)
                imported |= {of_others.get(name, name) for name in found}
    for document in ("README.md", "docs/seeing.md"):
        text = (ROOT / document).read_text(encoding="utf-8")
        named = re.search(r"notebooks `pip install 'mlp\[plot\]' ([^`]+)`", text)[1].split()
        assert imported - sys.stdlib_module_names <= installed | set(named), document


def test_a_notebook_shows_a_figure_once(monkeypatch):
    """Also where it is the last line of a cell; and again where it is asked for again."""
    monkeypatch.delenv("MPLBACKEND", raising=False)
    import nbformat
    from nbclient import NotebookClient

    cells = (
        "import mlp\nfigure = mlp.plots.activations('tanh')\nfigure",
        "figure",
        "mlp.plots.history({'loss': [2.0, 1.0]})",
        "mlp.plots.history({'loss': [2.0, 1.0]});",
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    for cell in notebook.cells:
        shown = [output for output in cell.outputs if "image/png" in output.get("data", {})]
        assert len(shown) == 1, cell.source
