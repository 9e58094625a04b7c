"""Both stores, whose time is ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from flygate_limiter import FakeClock, MemoryStore, Store
from flygate_limiter.redis.denials import Denials
from flygate_limiter.redis.store import RedisStore

from tests.support.valkey import Valkey


@pytest.fixture
def clock() -> FakeClock:
    """The time of `store`."""
    return FakeClock()


@pytest.fixture(params=["memory", "redis"])
async def store(
    request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path
) -> AsyncIterator[Store]:
    """A store of each kind."""
    if request.param == "memory":
        yield MemoryStore(clock=clock)
        return
    server = Valkey(tmp_path)
    await server.start()
    redis = RedisStore(server.url, b"secret", 5, clock, Denials(clock))
    yield redis
    await redis.aclose()
    await server.kill()
