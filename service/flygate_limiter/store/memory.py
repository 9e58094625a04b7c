"""Buckets in this process's memory: bounded, exact, and safe under a flood of keys.

No object is kept per client. When every slot holds a bucket that is not full yet, a new key
takes the place of one that owes less than two units of three or more; where there is none, new
keys share overflow buckets. So a flood neither frees a denied client, nor refuses new ones, nor
grows the memory.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final, Self

from flygate_limiter.algorithm import Algorithm, Hitter, Site, Taker
from flygate_limiter.bucket import TOKEN_BUCKET
from flygate_limiter.charge import Charge, Key, is_refused
from flygate_limiter.clock import Clock, MonotonicClock, steady
from flygate_limiter.decision import Decision
from flygate_limiter.errors import StoreError, StoreFullError
from flygate_limiter.fingerprint import Fingerprint
from flygate_limiter.quota import Quota
from flygate_limiter.source import Source
from flygate_limiter.table import ABSENT, Table

from .overflow import Overflow
from .snapshot import Portable, Snapshot
from .store import BLOCKS, Taken

DEFAULT_MAX_KEYS: Final = 1_000_000

# Slots per key: a table that is fuller than three quarters loses keys to the overflow.
_LOAD: Final = 0.75
_KEYS_PER_OVERFLOW_BUCKET: Final = 64


class MemoryStore:
    """Keeps at most `max_keys` buckets in packed numbers, some 23 bytes for each.

    Every call has a form without `await`: `take_now` for `take`. It belongs to one thread; for
    several there is `ThreadSafeMemoryStore`.

    Args:
        max_keys: how many buckets that are not full it holds before new keys share some.
        clock: what time it is.
        fingerprint: a seeded hash of a key, of 64 bits with a sign. The default is Python's own,
            which is seeded anew in each process, so that a client cannot choose keys that collide.
        on_overflow: called for each decision that a shared overflow bucket makes.
        algorithm: how it counts.

    Attributes:
        algorithm: how it counts.
        instant: itself.
        portable: itself, if what it counts can move.
        board: None; no other machine sees this store.
        health: None; it cannot fail.
        may_block: whether a key is blocked, or was; known without a look at any bucket.
    """

    board: None = None
    health: None = None

    def __init__(
        self,
        max_keys: int = DEFAULT_MAX_KEYS,
        clock: Clock | None = None,
        fingerprint: Fingerprint = hash,
        on_overflow: Callable[[], None] | None = None,
        algorithm: Algorithm = TOKEN_BUCKET,
    ) -> None:
        """Start with a small table; it grows as it is used."""
        self._table = Table(round(max_keys / _LOAD))
        self._overflow = Overflow(max(16, max_keys // _KEYS_PER_OVERFLOW_BUCKET), on_overflow)
        self._now = steady(clock or MonotonicClock())
        self.fingerprint = fingerprint
        self.algorithm = algorithm
        self._take = algorithm.take
        self._take_along = algorithm.take_along
        self._blocks = fingerprint(BLOCKS)
        self.may_block = False

    @property
    def instant(self) -> Self:
        """Itself."""
        return self

    @property
    def portable(self) -> Portable | None:
        """Itself, if what it counts can move."""
        return self if self.algorithm.is_portable else None

    @property
    def memory_bytes(self) -> int:
        """What the buckets occupy now."""
        return self._table.memory_bytes + self._overflow.memory_bytes

    @property
    def evictions(self) -> int:
        """The buckets that were forgotten, though not full, since the store was."""
        return self._table.evictions

    def taker(self, name: str, quota: Quota) -> Taker:
        """Return the function that takes from the buckets of one name and quota: the fastest way.

        `take(subject, cost)` is `take_one((name, subject), quota, cost)`.
        """
        return self.algorithm.make_taker(name, quota, self._site())

    def hitter(self, name: str, quota: Quota) -> Hitter:
        """As `taker`, where yes or no is enough: it takes a third less time."""
        return self.algorithm.make_hitter(name, quota, self._site())

    def take_one(self, key: Key, quota: Quota, cost: int = 1) -> Decision:
        """Take from a single bucket."""
        fingerprint = self.fingerprint(key)
        slot = self._table.find(fingerprint)
        if slot == ABSENT:
            return self._take_new(fingerprint, cost, quota)
        tats = self._table.tats
        decision, tats[slot] = self._take(tats[slot], self._now(), cost, quota)
        return decision

    def take_now(self, charges: Sequence[Charge]) -> list[Decision]:
        """Take every charge if all the binding ones fit, else nothing."""
        now = self._now()
        pending: dict[Key, int] = {}
        decisions: list[Decision] = []
        for charge in charges:
            key, quota = charge.key, charge.quota
            tat = pending[key] if key in pending else self._tat(self.fingerprint(key), quota)
            take = self._take_along if charge.along else self._take
            decision, pending[key] = take(tat, now, charge.cost, quota)
            decisions.append(decision)
        if is_refused(charges, decisions):
            return self._refuse(charges, decisions, now)
        for charge in charges:
            self._put(self.fingerprint(charge.key), charge.quota, pending[charge.key], now)
        return decisions

    async def take(self, charges: Sequence[Charge]) -> Taken:
        """Take every charge if all the binding ones fit, else nothing."""
        return Taken(self.take_now(charges), Source.MEMORY)

    def peek_now(self, key: Key, quota: Quota, cost: int = 0) -> Decision:
        """Return what `take_one` would answer; nothing is taken."""
        tat = self._tat(self.fingerprint(key), quota)
        return self._take(tat, self._now(), cost, quota)[0]

    async def peek(self, key: Key, quota: Quota) -> Decision:
        """Look at a bucket and take nothing."""
        return self.peek_now(key, quota)

    def give_back_now(self, charge: Charge) -> None:
        """Return units that were taken and not used."""
        now = self._now()
        fingerprint = self.fingerprint(charge.key)
        tat = self._tat(fingerprint, charge.quota)
        if tat > now:
            tat = self.algorithm.give_back(tat, now, charge.cost, charge.quota)
            self._put(fingerprint, charge.quota, tat, now)

    async def give_back(self, charge: Charge) -> None:
        """Return units that were taken and not used."""
        self.give_back_now(charge)

    def lasts_ns(self, key: Key) -> int:
        """Return how long until a bucket in the table is full; 0 if it is not there."""
        slot = self._table.find(self.fingerprint(key))
        return 0 if slot == ABSENT else max(0, self._table.tats[slot] - self._now())

    def reset_now(self, key: Key) -> bool:
        """Make a bucket full again; False if it was not known."""
        slot = self._table.find(self.fingerprint(key))
        if slot == ABSENT:
            return False
        self._table.free(slot)
        return True

    async def reset(self, key: Key) -> bool:
        """Make a bucket full again; False if it was not known."""
        return self.reset_now(key)

    def owe_now(self, key: Key, quota: Quota, owed_ns: int) -> None:
        """Set how long a bucket takes until it is full again, if that is later than before.

        Raises:
            StoreFullError: every slot is taken, so the debt would not last.
        """
        now = self._now()
        if not self._keep(self.fingerprint(key), self.algorithm.owing(now, owed_ns, quota), now):
            raise StoreFullError(f"no slot is free for {key!r}; raise max_keys or try again later")

    async def owe(self, key: Key, quota: Quota, owed_ns: int) -> None:
        """Set how long a bucket takes until it is full again, if that is later than before.

        Raises:
            StoreFullError: every slot is taken, so the debt would not last.
        """
        self.owe_now(key, quota, owed_ns)

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""

    def has_blocks(self) -> bool:
        """Whether a key is blocked now."""
        if self.may_block:
            self.may_block = self.lasts_ns(BLOCKS) > 0
        return self.may_block

    def learn(self, charges: Iterable[Charge], decisions: Iterable[Decision]) -> None:
        """Remember what buckets owe by the decisions of another store, which knows better.

        What a sliding window holds cannot be seen from a decision, so windows learn nothing.
        """
        if not self.algorithm.is_portable:
            return
        now = self._now()
        for charge, decision in zip(charges, decisions, strict=True):
            fingerprint = self.fingerprint(charge.key)
            self._put(fingerprint, charge.quota, now + decision.owed_ns, now)

    def export_now(self) -> Snapshot:
        """Return what the buckets owe that are not full, to be restored in another store.

        Raises:
            StoreError: it counts by sliding windows, which are bound to this machine's clock.
        """
        if not self.algorithm.is_portable:
            raise StoreError("sliding windows cannot be handed over; use the token bucket for that")
        return Snapshot.by(self.fingerprint, self._owed(self._now()))

    async def export(self) -> AsyncIterator[Snapshot]:
        """As `export_now`."""
        yield self.export_now()

    def restore_now(self, snapshot: Snapshot) -> int:
        """Take over buckets; where both have one, the later TAT wins. Returns how many were kept.

        So restoring is safe in any order and more than once.

        Raises:
            ForeignSnapshotError: the snapshot was made with another seed.
        """
        snapshot.check(self.fingerprint)
        now = self._now()
        return sum(self._keep(fingerprint, now + owed, now) for fingerprint, owed in snapshot.owed)

    async def restore(self, snapshot: Snapshot) -> int:
        """As `restore_now`."""
        return self.restore_now(snapshot)

    def _site(self) -> Site:
        # Not `self.take_one`: a store for threads holds its lock around the whole call.
        take_one = partial(MemoryStore.take_one, self)
        return Site(self._table, self.fingerprint, self._now, self._take_new, take_one)

    def _take_new(self, fingerprint: int, cost: int, quota: Quota) -> Decision:
        now = self._now()
        shared = self._overflow.tat(fingerprint, quota)
        decision, tat = self._take(shared, now, cost, quota)
        if tat > now:
            self._put_new(fingerprint, quota, tat, now)
        return decision

    def _refuse(
        self, charges: Sequence[Charge], decisions: Sequence[Decision], now: int
    ) -> list[Decision]:
        """Let the binding charges take nothing, and the others what they would have alone."""
        found = []
        for charge, decided in zip(charges, decisions, strict=True):
            decision, quota = decided, charge.quota
            fingerprint = self.fingerprint(charge.key)
            tat = self._tat(fingerprint, quota)
            if charge.along:
                decision = self._take_along(tat, now, 0, quota)[0]
            elif not charge.binding:
                decision, tat = self._take(tat, now, charge.cost, quota)
                self._put(fingerprint, quota, tat, now)
            elif decision.allowed:  # it would have allowed the request alone
                decision = self._take(tat, now, 0, quota)[0]
            found.append(decision)
        return found

    def _tat(self, fingerprint: int, quota: Quota) -> int:
        slot = self._table.find(fingerprint)
        if slot == ABSENT:
            return self._overflow.tat(fingerprint, quota)
        return self._table.tats[slot]

    def _put(self, fingerprint: int, quota: Quota, tat: int, now: int) -> None:
        slot = self._table.find(fingerprint)
        if slot != ABSENT:
            self._table.tats[slot] = tat
        elif tat > now:
            self._put_new(fingerprint, quota, tat, now)

    def _put_new(self, fingerprint: int, quota: Quota, tat: int, now: int) -> None:
        slot = self._table.claim(fingerprint, now, self.algorithm.grain(quota))
        if slot != ABSENT:
            self._table.tats[slot] = tat
        else:
            self._overflow.put(fingerprint, quota, tat)

    def _keep(self, fingerprint: int, tat: int, now: int) -> bool:
        table = self._table
        if fingerprint == self._blocks:
            self.may_block = True
        slot = table.find(fingerprint)
        if slot == ABSENT:
            slot = table.claim(fingerprint, now)
        if slot == ABSENT:
            return False
        table.tats[slot] = max(tat, table.tats[slot])
        return True

    def _owed(self, now: int) -> Iterator[tuple[int, int]]:
        table = self._table
        pairs = zip(table.fingerprints[: table.size], table.tats[: table.size], strict=True)
        return ((fingerprint, tat - now) for fingerprint, tat in pairs if tat > now)
