"""The golden files are small enough for git, and name their makers."""

import pytest
from golden_values import FOLDER, golden

FILES = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_file_is_small_and_names_its_makers(file):
    assert file.stat().st_size < 400_000
    makers = {"shap"} if file.stem == "shap_values" else {"keras", "jax"}
    assert golden(file.stem)["versions"].keys() == makers | {"torch", "numpy"}
    assert file.with_suffix(".py").exists()
