"""The processor on good files that were damaged by a seeded hand.

SOUNDGRAPH_TEST_MUTATIONS says how many; `make fuzz-media` sets it. A failure names the seeds.
"""

import os

import pytest
from tests.hostile.mutations import mutation
from tests.integration.pyav.bench import Bench
from tests.integration.pyav.verdicts import hear_out

MUTATIONS = int(os.environ.get("SOUNDGRAPH_TEST_MUTATIONS", "64"))
BATCH = 16


def test_a_seed_always_makes_the_same_file() -> None:
    assert mutation(7) == mutation(7)
    assert len({mutation(seed)[1] for seed in range(64)}) == 64


@pytest.mark.parametrize("first", range(0, MUTATIONS, BATCH))
async def test_every_mutation_ends_with_music_or_a_reason(bench: Bench, first: int) -> None:
    broken: dict[str, str] = {}
    for seed in range(first, min(first + BATCH, MUTATIONS)):
        what, data = mutation(seed)
        try:
            await hear_out(bench, data)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told together with the seed
            broken[f"seed {seed}: {what}"] = repr(error)
    assert broken == {}
