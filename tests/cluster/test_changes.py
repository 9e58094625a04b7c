"""However the set of machines changes, no client gets more than a burst beyond the quota."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from flygate_limiter import Quota
from flygate_wire.share_order import ShareOrder

from tests.support.virtual_cluster import Client, Cluster, Machine
from tests.support.virtual_time import run

QUOTA = Quota.parse("3/s burst 9")
PACE = 9.0
KINDS = ("sticky", "fickle", "forcing") * 2
BEFORE_SECONDS, AFTER_SECONDS = 3.0, 4.0

Change = Callable[[Cluster, Machine], Awaitable[None]]


async def suspended(_: Cluster, machine: Machine) -> None:
    """As autostop does it; the DNS does not name it meanwhile."""
    machine.is_listed = False
    machine.freeze()
    await asyncio.sleep(8)
    machine.thaw()
    machine.is_listed = True


async def frozen(_: Cluster, machine: Machine) -> None:
    """No other machine learns of it."""
    machine.freeze()
    await asyncio.sleep(8)
    machine.thaw()


async def killed(cluster: Cluster, machine: Machine) -> None:
    """It is started again, with nothing in its memory."""
    machine.is_dead = True
    await machine.end()
    await asyncio.sleep(1.5)
    cluster.machines[machine.id] = again = Machine(machine.id, cluster)
    await again.begin()


async def added_and_destroyed(cluster: Cluster, _: Machine) -> None:
    """One more, for a while; it goes without a word."""
    fresh = await cluster.add()
    await asyncio.sleep(6)
    await fresh.kill()


async def cut_off(_: Cluster, machine: Machine) -> None:
    """The DNS does not answer it, and does not name it; the proxy and the others reach it."""
    machine.is_cut_off, machine.is_listed = True, False
    await asyncio.sleep(15)
    machine.is_cut_off, machine.is_listed = False, True


async def cut_off_while_one_comes(cluster: Cluster, machine: Machine) -> None:
    """Who has no DNS, and who has just come, learn of each other by the others."""
    machine.is_cut_off, machine.is_listed = True, False
    await asyncio.sleep(3)
    fresh = await cluster.add()
    await asyncio.sleep(10)
    await fresh.kill()


@pytest.mark.parametrize(
    "change",
    [suspended, frozen, killed, added_and_destroyed, cut_off, cut_off_while_one_comes],
    ids=lambda change: change.__name__,
)
@pytest.mark.parametrize("seed", [2])
def test_a_change_of_machines_gives_no_client_more_than_a_burst(change: Change, seed: int) -> None:
    """Clients ask at three times their limit: with cookies, without, and each machine by name."""

    async def excess() -> list[float]:
        cluster = Cluster(QUOTA, seed)
        async with cluster.running(4):
            end = asyncio.Event()
            clients = [Client(f"192.0.2.{seed}{n}", kind) for n, kind in enumerate(KINDS)]
            asking = asyncio.gather(*(cluster.insist(one, end, PACE) for one in clients))
            await asyncio.sleep(BEFORE_SECONDS + cluster.chance.random())
            victim = clients[0].address  # the machine of one that asks is the one that changes
            owner = cluster.machines["m0"].members.ring.owner(victim).id
            await change(cluster, cluster.machines[owner])
            await asyncio.sleep(AFTER_SECONDS)
            end.set()
            return await asking

    found = run(excess)

    print(change.__name__, [f"{one:.2f}" for one in found])
    assert max(found) <= 1.0


def test_a_machine_that_is_forgotten_without_knowing_frees_no_client() -> None:
    """Others have served its clients: it gets what they charged before it has them again."""

    async def excess() -> list[float]:
        cluster = Cluster(QUOTA, 3)
        async with cluster.running(4):
            end = asyncio.Event()
            clients = [Client(f"192.0.2.{number}", "sticky") for number in range(40)]
            asking = asyncio.gather(*(cluster.insist(one, end, PACE) for one in clients))
            await asyncio.sleep(BEFORE_SECONDS)
            machine = cluster.machines["m0"]
            machine.is_listed = False
            machine.freeze()
            await asyncio.sleep(8)
            machine.thaw(knows=False)
            machine.is_listed = True
            await cluster.knows(4)
            await asyncio.sleep(AFTER_SECONDS)
            end.set()
            return await asking

    assert max(run(excess)) <= 0.5


@pytest.mark.parametrize("victim", ["m0", "m2"], ids=["a former one", "a new one"])
def test_a_machine_that_dies_gives_no_client_to_the_other_release(victim: str) -> None:
    """Nor before the others know of it: the request is sent on within its release."""

    async def served() -> list[tuple[set[str], set[str]]]:
        cluster = Cluster(QUOTA)
        former, new = frozenset({"m0", "m1"}), frozenset({"m2", "m3"})
        async with cluster.running(4):
            for machine in cluster.machines.values():
                assert await machine.node.adopt(ShareOrder(1, 50, new, former))
            ring = cluster.machines["m1"].members.ring
            clients = [Client(f"192.0.2.{number}", "fickle") for number in range(60)]
            its = [one for one in clients if ring.owner(one.address).id == victim]
            gone = cluster.machines[victim]
            gone.is_dead = True  # the DNS names it still, and no machine has looked
            for client in its:
                assert await cluster.ask(client) == 200
            await gone.kill()
        side = set(former if victim in former else new)
        return [(set(client.seen), side - {victim}) for client in its]

    found = run(served)

    assert len(found) > 5
    assert all(seen == expected for seen, expected in found)
