"""Real servers of both kinds, proxies in front of them, and the service that depends on them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.support.redis_kinds import KINDS, make_server
from tests.support.redis_server import RedisServer
from tests.support.service_process import start_service
from tests.support.tcp_proxy import TcpProxy

from .faults import Link

__all__ = ["start_service"]

StartServer = Callable[..., Awaitable[RedisServer]]


@pytest.fixture(params=KINDS)
async def start_server(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[StartServer]:
    """Start servers of one kind; all are ended afterwards."""
    started: list[RedisServer] = []

    async def start(*options: str) -> RedisServer:
        server = make_server(request.param, tmp_path)
        started.append(server)
        await server.start(*options)
        return server

    yield start
    for server in started:
        await server.kill()


@pytest.fixture
async def redis_server(start_server: StartServer) -> RedisServer:
    """An empty server of this test's own."""
    return await start_server()


@pytest.fixture
async def link(redis_server: RedisServer) -> AsyncIterator[Link]:
    """A server, and the way to it."""
    async with TcpProxy(redis_server.port) as proxy:
        yield Link(redis_server, proxy)
