"""Settings of the property tests, and a real server for the Redis store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.valkey import Valkey

# The machine is shared: how long one example takes says nothing about the code.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("patient")


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[Valkey]:
    """An empty server of this test's own."""
    server = Valkey(tmp_path)
    await server.start()
    yield server
    server.resume()
    await server.kill()
