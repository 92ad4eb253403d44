"""What is written runs: the README's Python blocks and the notebooks. (Doctests run by themselves.)"""

import ast
import re
import runpy
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
def test_notebook_runs(path, tmp_path):
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
