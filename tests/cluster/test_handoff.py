"""Buckets on their way between machines."""

import asyncio
from dataclasses import dataclass, field

import pytest
from flygate_limiter import (
    FakeClock,
    Limiter,
    MemoryStore,
    Policy,
    PolicySet,
    Quota,
    Request,
    Snapshot,
    keyed_fingerprint,
)
from flygate_service.cluster.codec import PAIRS, pack, unpack
from flygate_service.cluster.errors import FormatError, PeerError
from flygate_service.cluster.handoff import Handoff
from flygate_service.cluster.metrics import ClusterMetrics
from flygate_service.cluster.ring import Member
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

KEY = ("default 60/m burst 5", "192.0.2.1")
QUOTA = Quota.parse("60/m burst 5")
words = st.integers(-(2**63), 2**63 - 1)


@dataclass
class Machine:
    """A store, with its handoff; messages go straight to the other machines' ones."""

    others: dict[str, "Machine"] = field(default_factory=dict)
    key: str = "a key"
    clock: FakeClock = field(default_factory=FakeClock)
    is_dead: bool = False
    common: str = ""
    given: int = 0
    hints: int = 0
    quota: str = ""

    def __post_init__(self) -> None:
        """Make the parts."""
        self.registry = CollectorRegistry()
        self.store = MemoryStore(1_000, self.clock, keyed_fingerprint(self.key.encode()))
        policies = PolicySet((Policy("default", Quota.parse(self.quota or "60/m burst 5")),))
        self.limiter = Limiter(policies, self.store, clock=self.clock)
        quotas = self.limiter.quotas if self.quota else None
        self.handoff = Handoff(self.store, self.peers, self.common, self, self.metrics(), quotas)
        self.handoff.seconds = 0.5

    def peers(self) -> dict[Member, str]:
        """The other ones, and what they have in common."""
        return {Member(name): machine.common for name, machine in self.others.items()}

    def metrics(self) -> ClusterMetrics:
        """What it counts."""
        return ClusterMetrics(self.registry)

    async def push(self, member: Member, message: bytes) -> None:
        """To another one's store."""
        await self._reach(member).handoff.merge(message)
        self._reach(member).given += bool(message)
        self._reach(member).hints += not message

    async def pull(self, member: Member) -> bytes:
        """From another one's store."""
        return b"".join(await self._reach(member).messages())

    async def messages(self) -> list[bytes]:
        """What it has to tell."""
        return [message async for message in self.handoff.messages()]

    def take(self, count: int = 1) -> list[bool]:
        """Whether each of `count` requests passed."""
        return [self.store.take_one(KEY, QUOTA).allowed for _ in range(count)]

    def counted(self, name: str, **labels: str) -> float:
        """A counter."""
        return self.registry.get_sample_value(name, labels) or 0.0

    def _reach(self, member: Member) -> "Machine":
        found = self.others[member.id]
        if found.is_dead:
            raise PeerError("it is dead")
        return found


@pytest.mark.parametrize("is_taken", [True, False], ids=["taken", "given"])
async def test_a_denied_client_stays_denied_by_another_quota(is_taken: bool) -> None:
    """A machine of a release with another quota gives it no more, also back at the former one."""
    old = Machine(quota="1/m burst 60")
    new = Machine({"old": old}, clock=old.clock, quota="1/m burst 10")
    old.others = {"new": new}

    def passed(machine: Machine) -> int:
        ask = machine.limiter.check_now
        return sum(ask(Request("192.0.2.1")).allowed for _ in range(71))

    assert passed(old) == 60
    await (new.handoff.take() if is_taken else old.handoff.give())
    assert passed(new) == 0
    await new.handoff.give()
    assert passed(old) == 0
    old.clock.advance(seconds=60)
    assert passed(new) == 1


async def test_a_denied_client_stays_denied_where_its_bucket_goes() -> None:
    """By exactly as long, though the two clocks have nothing in common."""
    new = Machine(clock=FakeClock(5))
    old = Machine({"new": new}, clock=FakeClock(10**15))
    assert old.take(6) == [True] * 5 + [False]

    await old.handoff.give()

    assert new.take(1) == [False]
    new.clock.advance(seconds=0.999)
    assert new.take(1) == [False]
    new.clock.advance(seconds=0.001)
    assert new.take(2) == [True, False]


async def test_a_new_machine_takes_what_the_others_know() -> None:
    """Before it serves any client."""
    old = Machine()
    old.take(5)
    new = Machine({"old": old})

    await new.handoff.take()

    assert new.take(1) == [False]


async def test_twice_and_in_any_order_is_the_same() -> None:
    """The later time wins: nothing is charged twice, and no client is freed by an older message."""
    old, new = Machine(), Machine()
    old.take(2)
    early = await old.messages()
    old.take(2)
    late = await old.messages()

    for message in late + early + late:
        await new.handoff.merge(message)

    assert new.take(2) == [True, False]


async def test_what_another_version_sends_is_ignored_and_counted() -> None:
    """Requests go on being served; the worst is a fresh burst."""
    old, new = Machine(), Machine()
    old.take(5)
    [message] = await old.messages()

    await new.handoff.merge(message[:4] + b"\x09\x00" + message[6:])
    await new.handoff.merge(message[:-1])
    await new.handoff.merge(b"<html>")

    assert new.counted("flygate_handoff_ignored_total", reason="version") == 3
    assert new.take(1) == [True]


async def test_another_key_means_nothing_here() -> None:
    """Its fingerprints are other ones: they would hit strangers."""
    foreign, new = Machine(key="another key"), Machine()
    foreign.take(5)

    for message in await foreign.messages():
        await new.handoff.merge(message)

    assert new.counted("flygate_handoff_ignored_total", reason="key") == 1
    assert new.take(1) == [True]


async def test_a_dead_machine_keeps_no_other_from_getting_its_buckets() -> None:
    """It is counted, and the others get all of it."""
    dead, alive = Machine(), Machine()
    dead.is_dead = True
    old = Machine({"dead": dead, "alive": alive})
    old.take(5)

    await old.handoff.give()

    assert old.counted("flygate_handoff_failures_total") == 1
    assert alive.take(1) == [False]


async def test_of_those_with_a_common_store_any_one_will_do() -> None:
    """It is given once, to the first that can be reached; the others hear that there are news."""
    dead, one, two = (Machine(common="redis") for _ in range(3))
    dead.is_dead = True
    memory, elsewhere = Machine(), Machine(common="another redis")
    others = {"a": dead, "b": one, "c": two, "d": memory, "e": elsewhere}
    old = Machine(others)
    old.take(5)

    await old.handoff.give()

    assert [machine.given for machine in others.values()] == [0, 1, 0, 1, 1]
    assert [machine.hints for machine in others.values()] == [0, 1, 1, 0, 1]


async def test_a_common_store_needs_no_messages() -> None:
    """A machine that has it too knows everything; one that has not gets it."""
    same, memory = Machine(common="redis"), Machine()
    same.take(5)
    old = Machine({"same": same, "memory": memory}, common="redis")
    old.take(2)

    await old.handoff.give()
    await old.handoff.take()

    assert (same.given, same.hints, memory.given) == (0, 1, 1)
    assert old.take(4) == [True] * 3 + [False], "nothing was taken of the common store's"


async def test_a_machine_that_hangs_costs_a_bounded_time() -> None:
    """A stop must not last until it is killed."""
    old = Machine({"hangs": Machine()})

    async def hang(member: Member, message: bytes) -> None:
        await asyncio.sleep(60)

    old.push = hang  # type: ignore[method-assign]
    async with asyncio.timeout(5):
        await old.handoff.give()


@given(st.lists(st.tuples(words, words), max_size=50), words)
def test_what_is_packed_is_unpacked(owed: list[tuple[int, int]], probe: int) -> None:
    """Any fingerprint and any time owed."""
    snapshot = Snapshot(probe, tuple(owed))

    assert list(unpack(b"".join(pack(snapshot)))) == [snapshot]


def test_many_buckets_come_in_several_messages() -> None:
    """None of which takes long to merge."""
    snapshot = Snapshot(7, tuple((n, n) for n in range(2 * PAIRS + 1)))

    messages = list(pack(snapshot))

    assert [
        len(part.owed) for part in unpack(b"".join(messages)) if isinstance(part, Snapshot)
    ] == [PAIRS, PAIRS, 1]
    assert max(map(len, messages)) < 140_000


@given(st.binary(max_size=60))
def test_nonsense_is_refused(data: bytes) -> None:
    """And never half understood."""
    if data:
        with pytest.raises(FormatError):
            list(unpack(b"x" + data))
