"""The service on a busy machine."""

import asyncio
import statistics

import pytest

from bench.http_load import Connections, times_of

from .conftest import StartService

pytestmark = pytest.mark.integration

UNLIMITED = {"RATE_LIMIT_RPM": "60000000", "RATE_LIMIT_BURST": "10000000"}


async def test_newcomers_are_let_in(start_service: StartService) -> None:
    """While many ask without a pause, many new connections are served within a few turns."""
    service = await start_service(**UNLIMITED)
    async with Connections.open("127.0.0.1", service.port, 60) as regulars:
        asking = asyncio.create_task(regulars.ask_for(2.5))
        await asyncio.sleep(0.5)
        async with Connections.open("127.0.0.1", service.port, 120) as newcomers:
            first = await newcomers.ask_once()
        usual = statistics.median(times_of(await asking))

    # One a turn, the last newcomer would wait for 120 turns.
    assert max(times_of(first)) < 30 * usual
