"""Who takes part."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from flygate_limiter import MemoryStore
from flygate_service.asgi.readiness import Readiness
from flygate_service.asgi.supervisor import Supervisor
from flygate_service.cluster import node
from flygate_service.cluster.directory import parse_machines
from flygate_service.cluster.errors import DirectoryError, PeerError, PeerGoneError
from flygate_service.cluster.handoff import Handoff
from flygate_service.cluster.members import Contact, Members, Status
from flygate_service.cluster.metrics import ClusterMetrics
from flygate_service.cluster.node import Node
from flygate_service.cluster.ring import Member
from flygate_wire.share_order import ShareOrder
from prometheus_client import CollectorRegistry

ME = Member("me", "iad")
SERVING, CANDIDATE = Status(admitted=True), Status()
DRAINING = Status(admitted=True, draining=True)


@dataclass
class World:
    """The DNS, the machines, and what is carried between them."""

    machines: dict[str, Status | None] = field(default_factory=dict)
    dns_is_down: bool = False
    gone: set[str] = field(default_factory=set)
    unnamed: set[str] = field(default_factory=set)
    given: list[str] = field(default_factory=list)
    pulled: list[str] = field(default_factory=list)

    async def list_machines(self) -> list[Member]:
        """What the DNS says."""
        if self.dns_is_down:
            raise DirectoryError("no answer")
        named = (name for name in self.machines if name not in self.unnamed)
        return [ME, *(Member(name, "iad") for name in named)]

    async def ask(self, member: Member) -> Status:
        """What a machine says of itself."""
        if member.id in self.gone or member.id not in self.machines:
            raise PeerGoneError("refused")
        status = self.machines[member.id]
        if status is None:
            raise PeerError("no answer")
        return status

    async def push(self, member: Member, message: bytes) -> None:
        """Take note."""
        self.given.append(member.id)

    async def pull(self, member: Member) -> bytes:
        """Take note; it knows nothing."""
        self.pulled.append(member.id)
        return b""


class Dns:
    """The world's."""

    def __init__(self, world: World) -> None:
        self.machines = world.list_machines

    async def address(self, machine: str) -> str:
        """No machine connects."""
        return machine


@pytest.fixture
def world() -> World:
    """Two that serve and a rollout's candidate."""
    return World({"a": SERVING, "b": SERVING, "new": CANDIDATE})


@pytest.fixture
def members(world: World) -> Members:
    """As this machine knows them, which has served a client."""
    entered = Members(ME, Dns(world), world.ask)
    entered.enter()
    return entered


def names(members: Members) -> set[str]:
    """Who owns clients."""
    return {member.id for member in members.ring.members}


async def test_a_candidate_owns_no_client_until_it_serves(world: World, members: Members) -> None:
    """The DNS names it, but the proxy would not bring any client there."""
    await members.refresh()
    assert names(members) == {"me", "a", "b"}

    world.machines["new"] = SERVING
    await members.refresh()
    assert names(members) == {"me", "a", "b", "new"}


async def test_a_machine_that_has_served_no_client_owns_none(world: World) -> None:
    """A request that reaches it first of all is sent on; unless there is no other machine."""
    new = Members(ME, Dns(world), world.ask)
    assert names(new) == {"me"}

    await new.refresh()
    assert names(new) == {"a", "b"}

    new.enter()
    assert names(new) == {"me", "a", "b"}


async def test_a_machine_that_drains_or_is_gone_owns_no_client(
    world: World, members: Members
) -> None:
    """Its clients have other owners at once."""
    await members.refresh()
    world.machines["a"] = DRAINING
    del world.machines["b"]

    await members.refresh()

    assert names(members) == {"me"}
    assert {member.id for member in members.peers} == {"new"}


async def test_without_a_dns_the_last_known_stay(world: World, members: Members) -> None:
    """A failure of the DNS moves no client; at the start each is alone."""
    world.dns_is_down = True
    assert not await members.refresh()
    assert names(members) == {"me"}

    world.dns_is_down = False
    await members.refresh()
    world.dns_is_down = True
    assert not await members.refresh()
    assert names(members) == {"me", "a", "b"}


async def test_who_does_not_answer_is_what_it_was(world: World, members: Members) -> None:
    """The proxy may reach it still; a stranger that never answered is none of us."""
    world.machines["stranger"] = None
    await members.refresh()
    world.machines["a"] = None

    await members.refresh()

    assert names(members) == {"me", "a", "b"}


async def test_a_machine_that_does_not_listen_owns_no_client(
    world: World, members: Members
) -> None:
    """A process that was killed, or is not up again, can't be reached by the proxy either."""
    await members.refresh()
    world.gone.add("a")

    await members.refresh()

    assert names(members) == {"me", "b"}
    assert members.silent == 1


async def test_a_machine_of_another_group_is_no_member(world: World) -> None:
    """The proxy can't replay a request to it, even if others name it; it is not in trouble."""
    heard = (Contact("c", "iad", "fdaa::3"), Contact("boss", "iad", "fdaa::4"))
    world.machines |= {
        "a": replace(SERVING, group="web", contacts=heard),
        "admin": replace(SERVING, group="admin"),
        "boss": replace(SERVING, group="admin"),
        "c": replace(SERVING, group="web"),
    }
    world.unnamed = {"boss", "c"}
    members = Members(ME, Dns(world), world.ask, status=Status(group="web"))
    members.enter()

    await members.refresh()

    assert names(members) == {"me", "a", "b", "c"}, "b is of a former version, and says no group"
    assert {member.id for member in members.peers} == {"a", "b", "c", "new"}
    assert members.silent == 0


async def test_a_machine_that_leaves_owns_no_client_itself(world: World, members: Members) -> None:
    """What reaches it still is sent on; unless there is no other machine."""
    await members.refresh()
    members.leave()
    assert names(members) == {"a", "b"}

    world.machines.clear()
    await members.refresh()
    assert names(members) == {"me"}


def order(version: int, percent: int) -> ShareOrder:
    """Of a rollout that replaces this machine and a by the new one."""
    return ShareOrder(version, percent, frozenset({"new"}), frozenset({"me", "a"}))


async def test_a_machine_learns_from_the_others_how_clients_are_shared(
    world: World, members: Members
) -> None:
    """One that was started again, or was away; the latest order counts, wherever it comes from."""
    world.machines["a"] = Status(admitted=True, order=order(2, 100))
    world.machines["b"] = Status(admitted=True, order=order(1, 0))
    world.machines["new"] = SERVING

    await members.refresh()

    assert members.order == order(2, 100)
    assert {members.ring.owner(f"192.0.2.{n}").id for n in range(99)} == {"new"}
    assert not members.adopt(order(1, 0))
    assert not members.adopt(order(2, 50))
    assert members.order == order(2, 100)


async def test_who_answers_is_there_whatever_the_dns_says(world: World, members: Members) -> None:
    """One machine that has no DNS, and is in none, agrees with all others on who owns whom."""
    await members.refresh()
    world.unnamed = {"a"}
    await members.refresh()
    assert names(members) == {"me", "a", "b"}

    world.machines["a"] = None
    await members.refresh()
    assert names(members) == {"me", "b"}


async def test_without_a_dns_the_others_tell_who_came_and_went(
    world: World, members: Members
) -> None:
    """Those who answer tell of those who answer them; who came is asked, and gone is gone."""
    await members.refresh()
    world.dns_is_down = True
    world.gone = {"b"}
    world.machines["late"] = SERVING
    heard = (Contact("late", "iad", "fdaa::1"), Contact("b", "iad", "fdaa::2"))
    world.machines["a"] = replace(SERVING, contacts=heard)

    assert not await members.refresh()

    assert names(members) == {"me", "a", "late"}


async def test_others_learn_which_machines_answer_and_where(world: World) -> None:
    """None that is silent, or was not reached."""
    reached = {"a": "fdaa::1", "b": "fdaa::2"}
    members = Members(ME, Dns(world), world.ask, address=lambda name: reached.get(name, ""))
    world.machines["b"] = None
    await members.refresh()

    status = members.status(admitted=True, draining=False)

    assert status.contacts == (Contact("a", "iad", "fdaa::1"),)


REDIS = Status(admitted=True, affinity=False, store="redis")


@pytest.mark.parametrize(
    ("others", "is_sticky", "is_split"),
    [
        ([], False, False),
        ([REDIS, REDIS], False, False),
        ([REDIS, SERVING], True, True),
        ([REDIS, replace(REDIS, store="another")], False, True),
        ([REDIS, CANDIDATE], False, False),
        ([REDIS, DRAINING], False, False),
    ],
)
async def test_who_has_a_common_store_follows_who_has_not(
    world: World, others: list[Status], is_sticky: bool, is_split: bool
) -> None:
    """As long as one that serves keeps its own buckets, each client has one machine everywhere."""
    world.machines = {f"m{n}": status for n, status in enumerate(others)}
    members = Members(ME, Dns(world), world.ask, status=replace(REDIS, admitted=False))
    assert members.count == 0

    await members.refresh()

    assert (members.is_sticky, members.is_split) == (is_sticky, is_split)
    assert members.count == len(names(members))


async def test_without_affinity_no_machine_follows_another(world: World) -> None:
    """Machines with a store each serve any client, if all are set so."""
    world.machines = {"a": Status(admitted=True, affinity=False)}
    members = Members(ME, Dns(world), world.ask, status=Status(affinity=False))
    await members.refresh()

    assert not members.is_sticky


@pytest.mark.parametrize("text", ["a iad", "a iad,b lhr"])
def test_the_list_of_machines_is_read(text: str) -> None:
    """As Fly writes it."""
    found = parse_machines(text)

    assert ",".join(f"{member.id} {member.region}" for member in found) == text


def test_another_form_is_no_list() -> None:
    """Rather the last known machines than wrong ones."""
    with pytest.raises(DirectoryError, match="found 'a'"):
        parse_machines("a,b iad")


def make_node(
    world: World,
    members: Members,
    store: MemoryStore | None = None,
    clock: Callable[[], float] = time.time,
) -> Node:
    """A machine that carries its buckets within the world."""
    metrics = ClusterMetrics(CollectorRegistry())
    handoff = Handoff(store, lambda: members.stores, "", world, metrics)
    return Node(members, handoff, Readiness(), Supervisor(), clock)


@asynccontextmanager
async def running(machine: Node) -> AsyncIterator[None]:
    """The machine, with its work in the background."""
    async with machine._supervisor.running(), machine.running():
        yield


async def test_a_machine_owns_clients_once_it_knows_what_they_owe(world: World) -> None:
    """It asks all at its start, and again at its first request; only then it says so."""
    members = Members(ME, Dns(world), world.ask)
    joining = make_node(world, members)
    async with running(joining):
        assert sorted(world.pulled) == ["a", "b", "new"]

        joining.admit()
        joining.admit()
        while not joining.status.admitted:
            assert names(members) == {"a", "b"}
            await asyncio.sleep(0)

        assert len(world.pulled) == 6
        assert names(members) == {"me", "a", "b"}


async def test_who_leaves_gives_at_once_and_again_at_its_end(
    world: World, members: Members
) -> None:
    """What requests in flight take is known to the others, too."""
    leaving = make_node(world, members, MemoryStore(1_000))
    async with running(leaving):
        leaving.leave()
        assert names(members) == {"a", "b"}
        while len(world.given) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0)

    assert sorted(world.given) == ["a", "a", "b", "b", "new", "new"]


async def test_who_leaves_gives_to_those_who_came_lately(world: World, members: Members) -> None:
    """A machine that was asleep until now has not heard of them."""
    leaving = make_node(world, members, MemoryStore(1_000))
    async with running(leaving):
        world.machines["lately"] = CANDIDATE
        leaving.leave()

    assert "lately" in world.given


async def test_limits_go_before_their_clients(world: World, members: Members) -> None:
    """To the machines that get clients, and no other; and once more, with what was charged."""
    losing = make_node(world, members, MemoryStore(1_000))
    async with running(losing):
        assert await losing.adopt(order(1, 10))
        assert world.given == ["new"]
        while len(world.given) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert not await losing.adopt(order(1, 10))
        assert losing.status.order == order(1, 10)

        assert await losing.adopt(order(2, 10))
        assert await losing.adopt(order(3, 0))  # it gets some back, and has nothing to give
        await asyncio.sleep(0)
        assert world.given == ["new", "new"]


async def test_a_machine_that_was_suspended_takes_what_it_missed(
    world: World, members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It notices that more time went by than it waited, and the others notice that it is back."""
    monkeypatch.setattr(node, "_LEAST_SECONDS", 0.0)
    times = iter([0.0, 0.0, 3.0])
    waking = make_node(world, members, store=MemoryStore(1_000), clock=lambda: next(times, 3.0))
    async with running(waking), asyncio.timeout(2):
        assert len(world.pulled) == 3
        while len(world.pulled) < 6 or not world.given:  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_news_are_asked_for_at_once(
    world: World, members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not after the next poll only."""
    monkeypatch.setattr(node, "_LEAST_SECONDS", 0.0)
    joining = make_node(world, members)
    async with running(joining), asyncio.timeout(2):
        world.machines["new"] = SERVING
        joining.heard_news()
        while "new" not in names(members):  # noqa: ASYNC110
            await asyncio.sleep(0)
