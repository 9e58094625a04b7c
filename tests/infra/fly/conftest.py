"""Clients whose connection to the local Fly loses something."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.pace import Pace

from tests.infra.fly.lossy import Loses, MakeClient


@pytest.fixture
async def lossy(endpoints: Endpoints) -> AsyncIterator[MakeClient]:
    """Makes a client that uses such a connection."""
    made: list[FlyClient] = []

    def make(transport: Loses) -> FlyClient:
        made.append(FlyClient(endpoints, transport=transport, pace=Pace(is_limited=False)))
        return made[-1]

    yield make
    for client in made:
        await client.__aexit__(None, None, None)
