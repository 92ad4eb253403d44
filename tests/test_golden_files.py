"""The golden files are small enough for git, and name their makers."""

import pytest
from golden_values import FOLDER, golden

FILES = sorted(FOLDER.glob("*.json"))
MAKERS = {
    "shap_values": {"shap", "torch", "numpy"},
    "tabular": {"pytabkit", "torch", "numpy"},
    "table_preprocessing": {"pytabkit", "torch"},
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_file_is_small_and_names_its_makers(file):
    assert file.stat().st_size < 400_000
    makers = MAKERS.get(file.stem, {"keras", "jax", "torch", "numpy"})
    assert golden(file.stem)["versions"].keys() == makers
    assert file.with_suffix(".py").exists()
