"""What an operator forbids for a while: it stands by itself, whatever becomes of quotas."""

from collections.abc import Sequence
from typing import Final, Protocol

from .clock import Clock, MonotonicClock
from .decision import Decision
from .quota import NANOS, Quota
from .store.base import BLOCKS, Charge, Key, Source, Store, Taken
from .store.memory import MemoryStore

# How a block is kept: as a bucket that owes more than it holds until the block's end. Its name has
# no quota in it, so it goes with the others through restarts and hand-offs, and no reload ends it.
_QUOTA: Final = Quota(1, NANOS)
# What another machine blocks is noticed after so long.
_LOOK_EVERY_NS: Final = NANOS
_NOBODY: Final[dict[int, Decision]] = {}


class Gate(Protocol):
    """Says without a look at any bucket whether somebody may be blocked."""

    may_block: bool


class Blocks:
    """Who gets nothing, and until when.

    One more bucket says until when anybody is blocked. So nothing is asked about each request
    while nobody is.

    Args:
        store: where they are.
        clock: tells when to look whether another machine has blocked somebody.
    """

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        """Know of none yet."""
        self._store = store
        self._memory = store if isinstance(store, MemoryStore) else None
        self._now = (clock or MonotonicClock()).now
        self._next_look: int | None = None
        self._is_anybody = False

    async def take(self, charges: Sequence[Charge]) -> Taken:
        """Take from the store as it does, but nothing that binds for one who is blocked."""
        blocked = await self.find(charges)
        if not blocked:
            return await self._store.take(charges)
        if any(charges[place].binding for place in blocked):
            charges = [
                each._replace(cost=0) if each.binding or each.along else each for each in charges
            ]
        decisions, source = await self._store.take(charges)
        for place, refusal in blocked.items():
            quota = decisions[place].quota
            decisions[place] = Decision(False, refusal.wait_ns, quota.capacity_ns, quota)
        return Taken(decisions, source)

    async def find(self, charges: Sequence[Charge]) -> dict[int, Decision]:
        """The refusals of those charges whose policy has blocked the one who asks, by place."""
        if not await self._may_be_any():
            return _NOBODY
        records = records_of(charges)
        decisions = (await self._store.take(records)).decisions
        return refusals(charges, decisions)

    def find_now(self, charges: Sequence[Charge]) -> dict[int, Decision]:
        """As `find`, in a store in this process."""
        memory = self._memory
        if memory is None or not self._may_be_here(memory):
            return _NOBODY
        records = records_of(charges)
        return refusals(charges, [memory.peek_now(each.key, each.quota) for each in records])

    async def add(self, policy: str, subject: str, seconds: float) -> None:
        """Let a key get nothing for so long, if that is longer than before."""
        owed = _QUOTA.capacity_ns + round(seconds * NANOS)
        await self._store.owe(BLOCKS, _QUOTA, owed)
        await self._store.owe(_key(policy, subject), _QUOTA, owed)
        self._is_anybody = True

    async def remove(self, policy: str, subject: str) -> bool:
        """Let a key get something again; False if it was not blocked."""
        return await self._store.reset(_key(policy, subject))

    async def _may_be_any(self) -> bool:
        if self._memory is not None:
            return self._may_be_here(self._memory)
        now = self._now()
        if self._next_look is None or now >= self._next_look:
            [found], source = await self._store.take([Charge(BLOCKS, _QUOTA, 0, binding=False)])
            self._is_anybody = found.owed_ns > 0
            if source is Source.REDIS:
                self._next_look = now + _LOOK_EVERY_NS
        return self._is_anybody

    def _may_be_here(self, memory: MemoryStore) -> bool:
        if memory.may_block:
            memory.may_block = memory.peek_now(BLOCKS, _QUOTA).owed_ns > 0
        return memory.may_block


def records_of(charges: Sequence[Charge]) -> list[Charge]:
    """What to ask a store whether it has blocks for these charges; nothing is taken."""
    return [
        Charge(_key(charge.key[0].partition(" ")[0], charge.key[1]), _QUOTA, 0, charge.binding)
        for charge in charges
    ]


def refusals(charges: Sequence[Charge], decisions: Sequence[Decision]) -> dict[int, Decision]:
    """What the decisions on `records_of` mean for the charges, by place."""
    return {
        place: Decision(False, decision.wait_ns, charge.quota.capacity_ns, charge.quota)
        for place, (charge, decision) in enumerate(zip(charges, decisions, strict=True))
        if not decision.allowed
    }


def _key(policy: str, subject: str) -> Key:
    return f"{policy} blocked", subject
