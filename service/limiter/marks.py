"""Which buckets have got what a policy's other buckets lack: once, or a client pays twice."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from .errors import StoreFull
from .quota import NANOS, Quota
from .store.base import Charge, Key, Source, Store
from .store.memory import MemoryStore

_MOST: Final = 8_192
_LONGEST: Final = Quota(1, 366 * 86_400 * NANOS)


def mark(key: Key, longest_ns: int) -> Charge:
    """What is charged for a mark.

    It lasts twice as long as any of the buckets may lack something, and is renewed at half: so
    there is none only where nothing was taken for so long that no bucket lacks anything.

    Args:
        key: the mark's name.
        longest_ns: how long any of the buckets may lack something.
    """
    seconds = -(-2 * longest_ns // NANOS)
    return Charge(key, Quota(1, min(seconds * NANOS, _LONGEST.period_ns)), 1, False)


def look(mark: Charge) -> Charge:
    """What is asked of a store for a mark, however long the one lasts that it has.

    A sliding window is read by its length: one that was put for longer would not be found.
    """
    return mark._replace(quota=_LONGEST, cost=0)


class Marks:
    """Puts marks where the buckets are.

    Args:
        now: the time, in nanoseconds.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        """Nothing is marked."""
        self._now = now
        # Of a store where asking costs a call: until when a mark need not be renewed.
        self._fresh_until: dict[Key, int] = {}

    def are_known(self, marks: Sequence[Charge]) -> bool:
        """Whether all of them are there, as far as can be said without asking the store."""
        known, now = self._fresh_until, self._now()
        return all(known.get(each.key, 0) > now for each in marks)

    async def put(
        self, store: Store, marks: Sequence[Charge], marked: Sequence[bool], source: Source
    ) -> None:
        """Say of buckets that they have got what others lack, and renew what says so.

        Args:
            store: where the buckets are.
            marks: one for each bucket.
            marked: which of them were there.
            source: who said so; a makeshift store is told nothing.
        """
        if isinstance(store, MemoryStore):
            self._put_now(store, marks)
        elif source in (Source.MEMORY, Source.REDIS):
            await self._put_far(store, marks, marked)

    def _put_now(self, store: MemoryStore, marks: Sequence[Charge]) -> None:
        for each in marks:
            lasting = each.quota.capacity_ns
            if store.lasts_ns(each.key) < lasting // 2:
                with suppress(StoreFull):
                    store.owe_now(each.key, each.quota, lasting)

    async def _put_far(self, store: Store, marks: Sequence[Charge], marked: Sequence[bool]) -> None:
        known, now = self._fresh_until, self._now()
        pairs = list(zip(marks, marked, strict=True))
        if fresh := [each for each, is_marked in pairs if not is_marked]:
            await store.take(fresh)
        for each, is_marked in pairs:
            if is_marked and known.get(each.key, 0) <= now:
                await store.owe(each.key, each.quota, each.quota.capacity_ns)
        if len(known) > _MOST:
            known.clear()
        known.update({each.key: now + each.quota.capacity_ns // 2 for each in marks})
