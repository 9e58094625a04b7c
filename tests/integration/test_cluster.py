"""Redis Cluster: all policies of a request lie on one node, whichever node is named."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from flygate_limiter import Charge, Source, Taken, parse

from tests.support.valkey import Valkey

from .stores import guarded_store
from .waiting import until, until_redis_decides

pytestmark = pytest.mark.integration

SLOTS = 16_384
POLICIES = [parse("5/h"), parse("50/h"), parse("7/m burst 9")]

StartCluster = Callable[[int], Awaitable[list[Valkey]]]


@pytest.fixture
async def start_cluster(tmp_path: Path) -> AsyncIterator[StartCluster]:
    """Start clusters of some nodes; all are ended afterwards."""
    nodes: list[Valkey] = []

    async def start(size: int) -> list[Valkey]:
        for number in range(size):
            folder = tmp_path / str(number)
            folder.mkdir()
            nodes.append(Valkey(folder))
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000")
        await asyncio.gather(*(_start_node(node, options) for node in nodes))
        share = -(-SLOTS // size)
        for number, node in enumerate(nodes):
            last = min((number + 1) * share, SLOTS) - 1
            await node.command("CLUSTER", "ADDSLOTSRANGE", number * share, last)
            # The bus' port may be any: the default, 10000 above, may not exist.
            await nodes[0].command("CLUSTER", "MEET", "127.0.0.1", node.port, node.bus_port)
        for node in nodes:
            await until(lambda node=node: _is_up(node, size))  # type: ignore[misc]
        return nodes

    yield start
    for node in nodes:
        await node.kill()


@pytest.mark.parametrize("size", [1, 3])
async def test_all_policies_in_one_call(start_cluster: StartCluster, size: int) -> None:
    """Whichever node the URL names: one script call, nothing crosses slots, no one is let by."""
    nodes = await start_cluster(size)
    for number, node in enumerate(nodes):
        async with guarded_store(node.url, RATE_LIMIT_BUDGET_MILLISECONDS="1000") as store:
            await until_redis_decides(store)
            answers = [await store.take(_charges(number)) for _ in range(6)]

        assert [taken.decisions[0].allowed for taken in answers] == [True] * 5 + [False]
        assert {taken.source for taken in answers} <= {Source.REDIS, Source.DENY_CACHE}
    keys = [await node.command("DBSIZE") for node in nodes]
    assert sum(count > 0 for count in keys) == 1, "one hash tag is one node"


async def test_a_crowd(start_cluster: StartCluster) -> None:
    """A thousand clients at once under several policies: no CROSSSLOT, no MOVED, no error."""
    nodes = await start_cluster(3)
    async with guarded_store(nodes[0].url, RATE_LIMIT_BUDGET_MILLISECONDS="2000") as store:
        await until_redis_decides(store)
        answers: list[Taken] = await asyncio.gather(
            *(store.take(_charges(f"client {n}")) for n in range(1_000))
        )

    assert {taken.source for taken in answers} == {Source.REDIS}
    assert all(decision.allowed for taken in answers for decision in taken.decisions)


async def _start_node(node: Valkey, options: tuple[str, ...]) -> None:
    await node.start(*options, "--cluster-port", str(node.bus_port))


async def _is_up(node: Valkey, size: int) -> bool:
    info = await node.command("CLUSTER", "INFO")
    found = (
        info
        if isinstance(info, dict)
        else dict(line.split(":", 1) for line in str(info).splitlines() if ":" in line)
    )
    return found["cluster_state"] == "ok" and int(found["cluster_known_nodes"]) == size


def _charges(client: object) -> list[Charge]:
    return [Charge((f"p{n}", str(client)), quota) for n, quota in enumerate(POLICIES)]
