"""A short walk of `benchmarks.fuzz_files`: files that were tampered with are read, or refused, never more."""

import numpy as np
import pytest
from mutations import attempt, contents, mutate


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Files with all parts that there are."""
    return contents(tmp_path_factory.mktemp("whole") / "net.mlp")


def test_as_they_are(whole, tmp_path):
    for content in whole:
        (tmp_path / "net.mlp").write_bytes(content)
        assert attempt(tmp_path / "net.mlp") == "loaded"


@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")  # of what comes out of such weights
@pytest.mark.parametrize("seed", range(6))
def test_tampered_with(seed, whole, tmp_path):
    rng, path = np.random.default_rng(seed), tmp_path / "net.mlp"
    outcomes = []
    for _ in range(150):
        first, second = (whole[int(k)] for k in rng.integers(len(whole), size=2))
        path.write_bytes(mutate(rng, first, second))
        outcomes.append(attempt(path))
    assert 10 < outcomes.count("loaded") < 75
