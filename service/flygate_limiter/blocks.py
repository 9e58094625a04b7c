"""What an operator forbids for a while: a block holds whatever happens to quotas."""

from collections.abc import Sequence
from typing import Final, Protocol

from .charge import Charge, Key
from .clock import Clock, MonotonicClock
from .decision import Decision
from .quota import NANOS, Quota
from .source import Source
from .store.store import BLOCKS, Store, Taken

# How a block is kept: as a bucket that owes more than it holds until the block's end. Its name has
# no quota in it, so it goes with the others through restarts and hand-offs, and no reload ends it.
_QUOTA: Final = Quota(1, NANOS)
# After how long another machine's block is noticed.
_LOOK_EVERY_NS: Final = NANOS
_NONE: Final[dict[int, Decision]] = {}


class Gate(Protocol):
    """Says without a look at any bucket whether a key may be blocked."""

    @property
    def may_block(self) -> bool:
        """Whether a key is blocked, or was."""
        ...


class Blocks:
    """The keys that get nothing, and until when.

    One more bucket says until when any key is blocked. So requests cost nothing more while there
    is no block.

    Args:
        store: where they are.
        clock: says when to look for blocks of other machines.
    """

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        """Know of none yet."""
        self._store = store
        self._instant = store.instant
        self._now = (clock or MonotonicClock()).now
        self._next_look: int | None = None
        self._has_blocks = False

    async def take(self, charges: Sequence[Charge]) -> Taken:
        """Take from the store as it does, but for a blocked key nothing that binds."""
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
        """Return the refusals of those charges whose policy has blocked their key, by place."""
        if not await self._may_be_any():
            return _NONE
        records = records_of(charges)
        decisions = (await self._store.take(records)).decisions
        return refusals(charges, decisions)

    def find_now(self, charges: Sequence[Charge]) -> dict[int, Decision]:
        """As `find`, in a store in this process; in another one nothing is found."""
        store = self._instant
        if store is None or not store.has_blocks():
            return _NONE
        records = records_of(charges)
        return refusals(charges, [store.peek_now(each.key, each.quota) for each in records])

    async def add(self, policy: str, subject: str, seconds: float) -> None:
        """Let a key get nothing for so long, if that is longer than before."""
        owed = _QUOTA.capacity_ns + round(seconds * NANOS)
        await self._store.owe(BLOCKS, _QUOTA, owed)
        await self._store.owe(_key(policy, subject), _QUOTA, owed)
        self._has_blocks = True

    async def remove(self, policy: str, subject: str) -> bool:
        """Let a key get something again; False if it was not blocked."""
        return await self._store.reset(_key(policy, subject))

    async def _may_be_any(self) -> bool:
        if self._instant is not None:
            return self._instant.has_blocks()
        now = self._now()
        if self._next_look is None or now >= self._next_look:
            [found], source = await self._store.take([Charge(BLOCKS, _QUOTA, 0, binding=False)])
            self._has_blocks = found.owed_ns > 0
            if source is Source.REDIS:
                self._next_look = now + _LOOK_EVERY_NS
        return self._has_blocks


def records_of(charges: Sequence[Charge]) -> list[Charge]:
    """Return what to ask a store whether it has blocks for these charges; nothing is taken."""
    return [
        Charge(_key(charge.key[0].partition(" ")[0], charge.key[1]), _QUOTA, 0, charge.binding)
        for charge in charges
    ]


def refusals(charges: Sequence[Charge], decisions: Sequence[Decision]) -> dict[int, Decision]:
    """Return what the decisions on `records_of` mean for the charges, by place."""
    return {
        place: Decision(False, decision.wait_ns, charge.quota.capacity_ns, charge.quota)
        for place, (charge, decision) in enumerate(zip(charges, decisions, strict=True))
        if not decision.allowed
    }


def _key(policy: str, subject: str) -> Key:
    return f"{policy} blocked", subject
