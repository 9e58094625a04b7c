"""What can happen to a Redis that a service depends on, and how it ends."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.support.redis_server import RedisServer
from tests.support.tcp_proxy import TcpProxy


@dataclass(frozen=True, slots=True)
class Link:
    """A server, and the proxy through which the service reaches it."""

    server: RedisServer
    proxy: TcpProxy

    @property
    def url(self) -> str:
        """Where the service believes Redis to be."""
        return f"redis://127.0.0.1:{self.proxy.port}/0"


Act = Callable[[Link], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail.

    Attributes:
        strike, mend: begin and end it. Some of them cost Redis all that it holds.
    """

    name: str
    strike: Act
    mend: Act


async def _kill(link: Link) -> None:
    await link.server.kill()


async def _start(link: Link) -> None:
    await link.server.start()


async def _pause(link: Link) -> None:
    link.server.pause()


async def _resume(link: Link) -> None:
    link.server.resume()


async def _slow_down(link: Link) -> None:
    link.proxy.delay_seconds = 1


async def _speed_up(link: Link) -> None:
    link.proxy.delay_seconds = 0


async def _fill_memory(link: Link) -> None:
    await link.server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    await link.server.command("CONFIG", "SET", "maxmemory", "1")


async def _free_memory(link: Link) -> None:
    await link.server.command("CONFIG", "SET", "maxmemory", "0")


async def _want_a_password(link: Link) -> None:
    await link.server.kill()
    await link.server.start("--requirepass", "another")


async def _want_none(link: Link) -> None:
    await link.server.kill()
    await link.server.start()


async def _become_a_replica(link: Link) -> None:
    await link.server.command("REPLICAOF", "127.0.0.1", "1")


async def _become_a_primary(link: Link) -> None:
    await link.server.command("REPLICAOF", "NO", "ONE")


FAULTS = [
    Fault("killed", _kill, _start),
    Fault("paused", _pause, _resume),
    Fault("slow", _slow_down, _speed_up),
    Fault("out of memory", _fill_memory, _free_memory),
    Fault("wrong password", _want_a_password, _want_none),
    Fault("read only", _become_a_replica, _become_a_primary),
]
