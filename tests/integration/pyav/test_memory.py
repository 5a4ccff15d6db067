"""How much a media child holds does not depend on how long a file lasts. `python -m bench.memory` takes whole hours."""

import asyncio

import pytest
from tests.integration.pyav.memory import BAR_MIB, FORMATS, growth

SHORT_SECONDS, LONG_SECONDS = 90, 240
NOISE_MIB = 16


@pytest.mark.parametrize("name", FORMATS)
def test_a_longer_file_takes_no_more_memory(name: str) -> None:
    _, short = asyncio.run(growth(FORMATS[name], SHORT_SECONDS))
    start, long = asyncio.run(growth(FORMATS[name], LONG_SECONDS))
    assert 0 < start < short
    assert long - start < BAR_MIB
    assert long - short < NOISE_MIB
