"""Copies of buckets, for the day when their machine is gone."""

import asyncio
from dataclasses import dataclass, field

import pytest
from flygate_limiter import FakeClock, MemoryStore, Quota, Snapshot
from flygate_limiter.fingerprint import keyed_fingerprint
from flygate_service.asgi.supervisor import Supervisor
from flygate_service.cluster import copies
from flygate_service.cluster.copies import Copies
from flygate_service.cluster.errors import PeerError
from flygate_service.cluster.keys import derived
from flygate_service.cluster.metrics import ClusterMetrics
from flygate_service.cluster.ring import Member
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

QUOTA = Quota.parse("60/m burst 5")
# Long after what a copy owes less.
LATER = 0.3


@dataclass
class Machine:
    """A store with its copies; messages go straight to the other machines'."""

    clock: FakeClock
    others: dict[str, "Machine"] = field(default_factory=dict)
    key: str = "a key"
    is_dead: bool = False
    messages: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the parts."""
        self.registry = CollectorRegistry()
        fingerprint = keyed_fingerprint(derived(self.key, "fingerprints"))
        self.store = MemoryStore(1_000, self.clock, fingerprint)
        self.copies = Copies(
            self.store,
            lambda: list(map(Member, self.others)),
            self,
            ClusterMetrics(self.registry),
            clock=self.clock.now,
        )

    async def copy(self, member: Member, message: bytes) -> None:
        """To another one."""
        other = self.others[member.id]
        if other.is_dead:
            raise PeerError("it is dead")
        other.messages.append(message)
        other.copies.keep(message)

    def take(self, count: int = 1, client: str = "192.0.2.1") -> list[bool]:
        """Whether each of `count` requests passed."""
        key = ("default", client)
        return [self.store.take_one(key, QUOTA).allowed for _ in range(count)]

    def counted(self, name: str, **labels: str) -> float:
        """A counter."""
        return self.registry.get_sample_value(name, labels) or 0.0


def pair() -> tuple[Machine, Machine]:
    """Two machines that know each other, in one world."""
    clock = FakeClock()
    one, other = Machine(clock), Machine(clock)
    one.others["other"], other.others["one"] = other, one
    return one, other


async def test_who_is_refused_by_a_machine_that_vanishes_is_refused_by_the_next() -> None:
    """But for what is taken off, so that no copy owes more than the bucket itself."""
    one, other = pair()
    assert one.take(6) == [True] * 5 + [False]

    await one.copies.send()

    assert other.take(1) == [False]
    other.clock.advance(seconds=0.74)
    assert other.take(1) == [False]
    other.clock.advance(seconds=0.02)
    assert other.take(1) == [True]


async def test_a_copy_refuses_no_client_that_the_bucket_would_serve() -> None:
    """Though it is late by a fifth of a second."""
    one, other = pair()
    one.take(5)
    await one.copies.send()
    [message] = other.messages
    other.clock.advance(seconds=0.2)
    other.copies.keep(message)

    other.clock.advance(seconds=0.8)

    assert (one.take(1), other.take(1)) == ([True], [True])


async def test_nothing_is_sent_twice() -> None:
    """Only what was charged since."""
    one, other = pair()
    one.take(3)
    await one.copies.send()
    await one.copies.send()
    one.clock.advance(seconds=LATER)
    await one.copies.send()
    assert len(other.messages) == 1

    one.take(1, "192.0.2.2")
    await one.copies.send()
    assert len(other.messages) == 2
    assert one.counted("flygate_copies_told_total") == 2
    assert other.counted("flygate_copies_kept_total") == 2


async def test_what_an_operator_forgets_does_not_come_back() -> None:
    """Who has a copy only does not tell it."""
    one, other = pair()
    one.take(5)
    await one.copies.send()
    one.store.reset_now(("default", "192.0.2.1"))

    other.take(1, "192.0.2.2")
    await other.copies.send()

    assert one.take(1) == [True]


async def test_what_did_not_arrive_is_sent_again() -> None:
    """A machine that was away for a moment misses nothing that matters."""
    one, other = pair()
    other.is_dead = True
    one.take(6)
    await one.copies.send()
    other.is_dead = False

    await one.copies.send()

    assert other.take(1) == [False]


async def test_another_version_or_key_is_ignored_and_counted() -> None:
    """Requests go on being served."""
    one, other = pair()
    one.take(5)
    await one.copies.send()
    [message] = other.messages
    stranger = Machine(one.clock, key="another key")

    stranger.copies.keep(message)
    stranger.copies.keep(message[:4] + b"\x09\x00" + message[6:])

    assert stranger.counted("flygate_handoff_ignored_total", reason="key") == 1
    assert stranger.counted("flygate_handoff_ignored_total", reason="version") == 1
    assert stranger.take(1) == [True]


async def test_a_large_table_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking through it would keep requests waiting."""
    monkeypatch.setattr(copies, "_LARGEST_TABLE_BYTES", 100)
    one, other = pair()
    one.take(5)

    await one.copies.send()

    assert other.messages == []


async def test_it_goes_on_until_the_end() -> None:
    """Every second, without being asked."""
    one, other = pair()
    one.take(5)
    supervisor = Supervisor()
    async with supervisor.running(), one.copies.running(supervisor), asyncio.timeout(5):
        while not other.messages:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_an_error_that_was_not_expected_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is reported, and the copies go on."""
    one, other = pair()
    failed: list[str] = []
    export, errors = one.store.export_now, [ZeroDivisionError("no")]

    def export_now() -> Snapshot:
        if errors:
            raise errors.pop()
        return export()

    monkeypatch.setattr(one.store, "export_now", export_now)
    monkeypatch.setattr(copies, "_PAUSE_SECONDS", 0.001)
    supervisor = Supervisor(lambda name, _: failed.append(name), 0.001)
    one.take(5)
    async with supervisor.running(), one.copies.running(supervisor), asyncio.timeout(5):
        while not other.messages:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    assert failed == ["telling copies"]


@given(
    st.lists(
        st.tuples(st.sampled_from(["take", "other", "send", "echo", "wait"]), st.integers(1, 5)),
        max_size=40,
    )
)
async def test_no_exchange_makes_a_bucket_later_than_its_charges(
    steps: list[tuple[str, int]],
) -> None:
    """However often copies go to and fro: what both have admitted is all that is ever owed."""
    one, other = pair()
    full = one.clock.now()
    for step, count in steps:
        if step in ("take", "other"):
            for allowed in (one if step == "take" else other).take(count):
                full = max(full, one.clock.now()) + allowed * QUOTA.emission_ns
        elif step == "wait":
            one.clock.advance(seconds=0.3 * count)
        else:
            await (one if step == "send" else other).copies.send()
    owed = [owed for m in (one, other) for _, owed in m.store.export_now().owed]
    assert all(owing <= max(0, full - one.clock.now()) for owing in owed)
