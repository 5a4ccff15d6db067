"""Which limits the settings choose."""

from pathlib import Path

import pytest

from soundgraph.adapters.memory.limits import MemoryLimiter
from soundgraph.adapters.redis.limits import RedisLimiter
from soundgraph.application.limits import RULES, Caps, Charge, Limiter
from soundgraph.entrypoints.container import Container, wiring
from soundgraph.entrypoints.settings import load_settings


def container(tmp_path: Path, **values: str) -> Container:
    environ = {f"SOUNDGRAPH_{name}": value for name, value in values.items()}
    made: Container = Container(
        settings=load_settings({"SOUNDGRAPH_HOME": str(tmp_path), **environ}, tmp_path / ".env")
    )
    return made


@pytest.mark.parametrize(
    ("values", "kind"), [({}, MemoryLimiter), ({"REDIS_URL": "redis://127.0.0.1:1"}, RedisLimiter)]
)
def test_redis_counts_where_there_is_one(tmp_path: Path, values: dict[str, str], kind: type[Limiter]) -> None:
    use = wiring(container(tmp_path, **values))
    assert isinstance(use(Limiter), kind)
    assert use(Limiter) is use(Limiter)
    assert use(Caps) == Caps(tracks_in_processing=2, unfinished_uploads=100)


async def test_lifted_limits_admit_everything(tmp_path: Path) -> None:
    use = wiring(container(tmp_path, RATE_LIMITS="off", REDIS_URL="redis://127.0.0.1:1"))
    charge = Charge(RULES[0], "ada")
    verdicts = [(await use(Limiter).take([charge]))[0] for _ in range(2_000)]
    assert {(one.allowed, one.remaining) for one in verdicts} == {(True, RULES[0].limit)}
    await use(Limiter).give_back(charge)
    assert use(Caps) == Caps(tracks_in_processing=None, unfinished_uploads=None)
