"""Buckets in this process's memory: bounded, exact, and safe under a flood of keys.

No object is kept per client. When every slot holds a bucket that is not full yet, new keys
share overflow buckets: a flood neither frees a denied client, nor refuses all newcomers, nor
grows the memory.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from service.limiter import bucket
from service.limiter.clock import Clock, MonotonicClock
from service.limiter.decision import Decision
from service.limiter.errors import ForeignSnapshot, StoreFull
from service.limiter.quota import Quota

from .base import Charge, Key, Source, Taken, is_refused
from .table import ABSENT, Table

DEFAULT_MAX_KEYS: Final = 1_000_000

# Slots per key: a table that is fuller than three quarters loses keys to the overflow.
_LOAD: Final = 0.75
_KEYS_PER_OVERFLOW_BUCKET: Final = 64
_PROBE: Final[Key] = ("flygate", "seed probe")

Fingerprint = Callable[[Key], int]

_new = bucket.new


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Buckets that are not full, as what they owe: it means the same on another machine.

    Attributes:
        seed_probe: the fingerprint of a known key; a store with another seed refuses.
        owed: pairs of fingerprint and the nanoseconds until the bucket is full.
    """

    seed_probe: int
    owed: tuple[tuple[int, int], ...]


class MemoryStore:
    """Keeps at most `max_keys` buckets in packed arrays, some 21 bytes for each.

    Args:
        max_keys: how many buckets that are not full it holds before new keys share some.
        clock: what time it is.
        fingerprint: a seeded hash of a key. The default is Python's own, which is seeded anew
            in each process, so that nobody can choose keys that collide.
        on_overflow: called for each decision that a shared overflow bucket makes.
    """

    def __init__(
        self,
        max_keys: int = DEFAULT_MAX_KEYS,
        clock: Clock | None = None,
        fingerprint: Fingerprint = hash,
        on_overflow: Callable[[], None] | None = None,
    ) -> None:
        """Start with a small table; it grows as it is used."""
        self._table = Table(round(max_keys / _LOAD))
        self._now = (clock or MonotonicClock()).now
        self._fingerprint = fingerprint
        self._overflow_width = max(16, max_keys // _KEYS_PER_OVERFLOW_BUCKET)
        # One row for each quota: buckets of different quotas must not be mixed.
        self._overflow: dict[Quota, array[int]] = {}
        self._on_overflow = on_overflow

    @property
    def memory_bytes(self) -> int:
        """What the buckets occupy now."""
        return self._table.memory_bytes + sum(8 * len(row) for row in self._overflow.values())

    async def take(self, charges: Sequence[Charge]) -> Taken:
        """Take every charge if all the binding ones fit, else nothing."""
        if len(charges) == 1:
            key, quota, cost, *_ = charges[0]
            return Taken([self.take_one(key, quota, cost)], Source.MEMORY)
        return Taken(self._take_all(charges), Source.MEMORY)

    def take_now(self, charges: Sequence[Charge]) -> list[Decision]:
        """`take`, for callers that do not await; nothing here ever waits."""
        return self._take_all(charges)

    def take_one(self, key: Key, quota: Quota, cost: int = 1) -> Decision:
        """Take from a single bucket: the path of nearly every request."""
        # `Table.find` and `bucket.take`, written out: half of their time is the calls. A test
        # holds that this decides as they do.
        fingerprint = self._fingerprint(key) or 1
        table = self._table
        slot = fingerprint % table.modulus
        if slot >= table.size:
            slot -= table.modulus >> 1
        if table.fingerprints[slot] != fingerprint:
            slot = table.find(fingerprint)
            if slot == ABSENT:
                return self._take_from_new(fingerprint, cost, quota)
        tats = table.tats
        now = self._now()
        owed = tats[slot] - now
        owed = max(owed, 0)
        after = owed + cost * quota.emission_ns
        if after <= quota.capacity_ns:
            tats[slot] = now + after
            return _new(Decision, (True, 0, after, quota))
        return bucket.denied(owed, cost, after - quota.capacity_ns, quota)

    async def peek(self, key: Key, quota: Quota) -> Decision:
        """Look at a bucket and take nothing."""
        now = self._now()
        decision, _ = self._take(self._tat(key, quota), now, 0, quota)
        return decision

    async def give_back(self, charge: Charge) -> None:
        """Return units that were taken and not used."""
        now = self._now()
        tat = self._tat(charge.key, charge.quota)
        if tat > now:
            tat = self._give_back(tat, now, charge.cost, charge.quota)
            self._put(charge.key, charge.quota, tat, now)

    async def reset(self, key: Key) -> bool:
        """Make a bucket full again; False if it was not known."""
        slot = self._table.find(self._fingerprint(key) or 1)
        if slot == ABSENT:
            return False
        self._table.free(slot)
        return True

    async def owe(self, key: Key, quota: Quota, owed_ns: int) -> None:
        """Set how long a bucket takes until it is full again, if that is later than before.

        Raises:
            StoreFull: every slot is taken, so the debt would not last.
        """
        now = self._now()
        if not self._keep(self._fingerprint(key) or 1, self._owing(now, owed_ns, quota), now):
            raise StoreFull(f"no slot is free for {key!r}; raise max_keys or try again later")

    async def aclose(self) -> None:
        """There is nothing to let go of."""

    def export(self) -> Snapshot:
        """What the buckets owe that are not full, to be restored in another store."""
        return Snapshot(self._fingerprint(_PROBE), tuple(self._owed(self._now())))

    def restore(self, snapshot: Snapshot) -> int:
        """Take over buckets; where both have one, the later TAT wins. Gives how many were kept.

        So restoring is safe in any order and more than once.

        Raises:
            ForeignSnapshot: the snapshot was made with another seed.
        """
        if snapshot.seed_probe != self._fingerprint(_PROBE):
            raise ForeignSnapshot(
                "the snapshot was made with another seed, so its fingerprints mean nothing here;"
                " give both stores the same `fingerprint`"
            )
        now = self._now()
        return sum(self._keep(fingerprint, now + owed, now) for fingerprint, owed in snapshot.owed)

    def _take_all(self, charges: Sequence[Charge]) -> list[Decision]:
        now = self._now()
        pending: dict[Key, int] = {}
        decisions: list[Decision] = []
        for key, quota, cost, *_ in charges:
            tat = pending[key] if key in pending else self._tat(key, quota)
            decision, pending[key] = self._take(tat, now, cost, quota)
            decisions.append(decision)
        if is_refused(charges, decisions):
            return [self._untaken(*pair, now) for pair in zip(decisions, charges, strict=True)]
        for charge in charges:
            self._put(charge.key, charge.quota, pending[charge.key], now)
        return decisions

    def _untaken(self, decision: Decision, charge: Charge, now: int) -> Decision:
        """What is true of a bucket that would have given, had the others given too."""
        if not decision.allowed:
            return decision
        tat = self._tat(charge.key, charge.quota)
        return self._take(tat, now, 0, charge.quota)[0]

    def _take_from_new(self, fingerprint: int, cost: int, quota: Quota) -> Decision:
        now = self._now()
        shared = self._overflow_tat(fingerprint, quota)
        decision, tat = self._take(shared, now, cost, quota)
        if tat > now:
            self._put_new(fingerprint, quota, tat, now)
        return decision

    def _tat(self, key: Key, quota: Quota) -> int:
        fingerprint = self._fingerprint(key) or 1
        slot = self._table.find(fingerprint)
        return self._overflow_tat(fingerprint, quota) if slot == ABSENT else self._table.tats[slot]

    def _put(self, key: Key, quota: Quota, tat: int, now: int) -> None:
        fingerprint = self._fingerprint(key) or 1
        slot = self._table.find(fingerprint)
        if slot != ABSENT:
            self._table.tats[slot] = tat
        elif tat > now:
            self._put_new(fingerprint, quota, tat, now)

    def _put_new(self, fingerprint: int, quota: Quota, tat: int, now: int) -> None:
        slot = self._table.claim(fingerprint, now)
        if slot != ABSENT:
            self._table.tats[slot] = tat
            return
        row = self._overflow.get(quota)
        if row is None:
            row = self._overflow[quota] = array("q", bytes(8 * self._overflow_width))
        row[fingerprint % self._overflow_width] = tat
        if self._on_overflow is not None:
            self._on_overflow()

    def _overflow_tat(self, fingerprint: int, quota: Quota) -> int:
        # A key that gets a slot of its own keeps what its shared bucket owed: leaving the
        # overflow must not free a client that was denied there.
        if not self._overflow:
            return 0
        row = self._overflow.get(quota)
        return row[fingerprint % self._overflow_width] if row is not None else 0

    def _keep(self, fingerprint: int, tat: int, now: int) -> bool:
        table = self._table
        slot = table.find(fingerprint)
        if slot == ABSENT:
            slot = table.claim(fingerprint, now)
        if slot == ABSENT:
            return False
        table.tats[slot] = max(tat, table.tats[slot])
        return True

    def _owed(self, now: int) -> Iterator[tuple[int, int]]:
        pairs: Iterable[tuple[int, int]] = zip(
            self._table.fingerprints, self._table.tats, strict=True
        )
        return ((fingerprint, tat - now) for fingerprint, tat in pairs if tat > now)

    def _take(self, tat: int, now: int, cost: int, quota: Quota) -> tuple[Decision, int]:
        return bucket.take(tat, now, cost, quota)

    def _give_back(self, tat: int, now: int, cost: int, quota: Quota) -> int:
        return bucket.give_back(tat, now, cost, quota)

    def _owing(self, now: int, owed_ns: int, _: Quota) -> int:
        return now + owed_ns
