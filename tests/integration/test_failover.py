"""A replica takes over: what was denied or locked stays so, whichever is the primary."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from flygate_limiter import Charge, Source, Store, parse
from flygate_service.login import Lockout, LoginGuard, Outcome

from tests.support.redis_server import RedisServer
from tests.support.tcp_proxy import TcpProxy

from .conftest import StartServer
from .stores import guarded_store
from .waiting import until, until_redis_decides

pytestmark = pytest.mark.integration

BURST = 3
VICTIM = Charge(("test", "victim"), parse(f"{BURST}/h"))
ADA, NETWORK = "ada@example.org", "192.0.2.1"


@dataclass(frozen=True, slots=True)
class Pair:
    """A primary, its replica, and the name under which a service finds the primary."""

    primary: RedisServer
    replica: RedisServer
    name: TcpProxy

    async def fail_over(self) -> None:
        """Make the replica the primary and the primary its replica; connections stay."""
        await self.replica.command("REPLICAOF", "NO", "ONE")
        await self.primary.command("REPLICAOF", *self.replica.address_for_servers)
        self.name.target_port = self.replica.port

    async def until_in_sync(self) -> None:
        """Wait until the replica has all that the primary has."""

        async def in_sync() -> bool:
            sent = (await self.primary.command("INFO", "replication"))["master_repl_offset"]
            got = await self.replica.command("INFO", "replication")
            return bool(got["master_link_status"] == "up" and got["slave_repl_offset"] >= sent)

        await until(in_sync)


@pytest.fixture
async def pair(start_server: StartServer) -> AsyncIterator[Pair]:
    """Two servers, one the replica of the other."""
    at_once = ("--repl-diskless-sync-delay", "0")
    primary, replica = await asyncio.gather(start_server(*at_once), start_server(*at_once))
    await replica.command("REPLICAOF", *primary.address_for_servers)
    async with TcpProxy(primary.port) as name:
        yield Pair(primary, replica, name)


async def deny_and_lock(store: Store) -> LoginGuard:
    """Use a bucket up, and lock an account."""
    guard = LoginGuard(store, Lockout.of(2, 15, 15))
    for _ in range(BURST):
        await store.take([VICTIM])
    outcomes = [(await guard.admit(ADA, NETWORK, None)).outcome for _ in range(3)]
    assert outcomes == [Outcome.ADMITTED, Outcome.ADMITTED, Outcome.LOCKED]
    return guard


@pytest.mark.parametrize("primary_dies", [False, True], ids=["demoted", "killed"])
async def test_failing_over(pair: Pair, primary_dies: bool) -> None:
    """Refused by a primary that is one no more, the store finds the new one, and all it knew."""
    async with guarded_store(f"redis://127.0.0.1:{pair.name.port}/0") as store:
        await until_redis_decides(store)
        guard = await deny_and_lock(store)
        await pair.until_in_sync()
        await pair.fail_over()
        if primary_dies:
            await pair.primary.kill()
        meanwhile = [(await guard.admit(ADA, NETWORK, None)).outcome for _ in range(3)]
        await until_redis_decides(store)
        denied = await store.take([VICTIM])
        locked = (await guard.admit(ADA, NETWORK, None)).outcome

    assert not {Outcome.ADMITTED} & set(meanwhile)
    assert denied.source in (Source.REDIS, Source.DENY_CACHE)
    assert not denied.decisions[0].allowed
    assert locked is Outcome.LOCKED
