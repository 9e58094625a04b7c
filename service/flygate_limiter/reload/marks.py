"""Which buckets took over what a policy's other buckets lack: once, or a client pays twice."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from flygate_limiter.charge import Charge, Key
from flygate_limiter.errors import StoreFullError
from flygate_limiter.quota import NANOS, Quota
from flygate_limiter.source import Source
from flygate_limiter.store.store import InstantStore, Store

_MOST: Final = 8_192
_LONGEST: Final = Quota(1, 366 * 86_400 * NANOS)


def mark(key: Key, longest_ns: int) -> Charge:
    """Return the charge that puts a mark; charged again, the mark lasts as long again.

    It lasts twice as long as any of the buckets may lack something, and is renewed at half: so
    there is none only where nothing was taken for so long that no bucket lacks anything.

    Args:
        key: the mark's name.
        longest_ns: how long any of the buckets may lack something.
    """
    lasting = min(-(-2 * longest_ns // NANOS) * NANOS, _LONGEST.period_ns)
    return Charge(key, Quota(1, lasting), 1, False, along=True)


def look(put: Charge) -> Charge:
    """Return the charge that looks for a mark, however long it lasts.

    A sliding window is read by its length: one that was put for longer would not be found.
    """
    return put._replace(quota=_LONGEST, cost=0, along=False)


def put_now(store: InstantStore, marks: Sequence[Charge], left_ns: Sequence[int]) -> None:
    """Put marks in memory, and renew those of which less than half is left.

    Args:
        store: where the buckets are.
        marks: one for each bucket.
        left_ns: how long each of them lasts still.
    """
    for each, left in zip(marks, left_ns, strict=True):
        lasting = each.quota.capacity_ns
        if left < lasting // 2:
            with suppress(StoreFullError):
                store.owe_now(each.key, each.quota, lasting)


class Marks:
    """Puts marks where asking for them costs a call, and remembers when it has to again.

    Args:
        now: the time, in nanoseconds.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        """Start with no mark."""
        self._now = now
        self._fresh_until: dict[Key, int] = {}

    def are_fresh(self, marks: Sequence[Charge]) -> bool:
        """Whether all of them are known to be there, and more than half of each is left."""
        fresh, now = self._fresh_until, self._now()
        return all(fresh.get(each.key, 0) > now for each in marks)

    async def put(self, store: Store, marks: Sequence[Charge]) -> None:
        """Put or renew the marks of one client's buckets: two or more, all in one call."""
        now = self._now()
        if (await store.take(marks)).source is not Source.REDIS:
            return  # the fallback took them
        if len(self._fresh_until) > _MOST:
            self._fresh_until.clear()
        self._fresh_until |= {each.key: now + each.quota.capacity_ns // 2 for each in marks}
