"""The bench, as a fixture."""

from pathlib import Path

import pytest
from tests.integration.pyav.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
