"""What RealMLP's own preprocessing makes of a table, for rows that it has seen and for new ones."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlp.tabular.preprocessing import TablePreprocessor

GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "table_preprocessing.json").read_text())


@pytest.mark.parametrize(("preset", "limit"), [("td-s", None), ("td", 8)])
@pytest.mark.parametrize("rows", ["seen", "new"])
def test_every_number(preset, limit, rows):
    table = TablePreprocessor(one_hot_limit=limit).fit(pd.DataFrame(GOLDEN["seen"]))
    # theirs are computed in float32, where a difference of two numbers near 5 is good to 5e-7
    np.testing.assert_allclose(table.transform(pd.DataFrame(GOLDEN[rows])), GOLDEN[preset][rows], 2e-6, 1e-6)


def test_the_table_has_what_is_hard():
    table = TablePreprocessor(one_hot_limit=8).fit(pd.DataFrame(GOLDEN["seen"]))
    assert (table.n_numeric_, table.n_one_hot_, table.embedding_sizes_) == (3, 4, [13])
    matrix = np.array(GOLDEN["td"]["new"])
    assert matrix[2, -1] == 0  # a city that was not seen
    assert len(set(matrix[:, 3])) == 3  # yes, no, and neither
