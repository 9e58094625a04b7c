"""Buckets in Redis, shared by all machines: one script call for all requests of a loop turn."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Final

from flygate_limiter.announced import Announced
from flygate_limiter.clock import Clock, MonotonicClock
from flygate_limiter.decision import Decision
from flygate_limiter.denials import Denials
from flygate_limiter.errors import StoreError
from flygate_limiter.fingerprint import Fingerprint, keyed_fingerprint
from flygate_limiter.quota import Quota

from .address import RedisAddress
from .base import MOST_PER_REQUEST, Charge, Key, Source, Taken, is_refused
from .batcher import Batcher
from .link import Word
from .moving import Moving
from .quotas import QuotaScript
from .script import BucketScript
from .snapshot import Snapshot

# All wait while a server is reminded of them: a few milliseconds.
_REMINDED: Final = 2_048


class RedisStore:
    """Asks a Redis (6.2 or newer, Valkey, a Cluster), or says within the budget that it cannot.

    Args:
        url: `redis://…` or `rediss://…` (TLS); see `RedisAddress.parse`.
        names: gives buckets their names, so that no address can be read in Redis; or the secret
            to do so with. All machines must have the same one.
        budget_seconds: the longest that a decision takes, connecting included.
        clock: for tests; without one Redis's own clock is used, which all machines share.
        denials: what was refused a moment ago.
        script: what is kept: `BucketScript`, or `WindowScript` for sliding windows.

    Attributes:
        fingerprint: names buckets.
        known: gives what this process knows of buckets, if anything: told to a server that was
            started anew, before it decides.

    Raises:
        AddressError: the URL cannot be understood.
    """

    def __init__(
        self,
        url: str,
        names: Fingerprint | bytes,
        budget_seconds: float = 0.05,
        clock: Clock | None = None,
        denials: Denials | None = None,
        script: type[BucketScript] = BucketScript,
    ) -> None:
        """Connect to nothing yet."""
        self.fingerprint = keyed_fingerprint(names) if isinstance(names, bytes) else names
        self._script = script(self.fingerprint, clock)
        self._moving = Moving(self.fingerprint, clock)
        self._quotas = QuotaScript(clock)
        self.known: Callable[[], Snapshot] | None = None
        address = RedisAddress.parse(url)
        self._batcher = Batcher(address, self._script, budget_seconds, self._reminder)
        self._denials = Denials(clock or MonotonicClock()) if denials is None else denials

    async def take(self, charges: Sequence[Charge]) -> Taken:
        """Take every charge if all the binding ones fit, else those that do not bind.

        Raises:
            StoreUnavailableError: Redis did not answer within the budget, or with an error.
        """
        if not charges:
            return Taken([], Source.REDIS)
        known = self._denials.find(charges)
        if known is not None:
            await self._take_alone(charges, known)
            return Taken(known, Source.DENY_CACHE)
        if len(charges) > MOST_PER_REQUEST:
            raise StoreError(f"a request has {len(charges)} charges; at most {MOST_PER_REQUEST}")
        decisions = await self._batcher.ask(charges)
        if is_refused(charges, decisions):
            self._denials.remember(charges, decisions)
        return Taken(decisions, Source.REDIS)

    async def peek(self, key: Key, quota: Quota) -> Decision:
        """Look at a bucket and take nothing."""
        return (await self._batcher.ask([Charge(key, quota, 0)]))[0]

    async def give_back(self, charge: Charge) -> None:
        """Return units that were taken and not used."""
        await self._batcher.ask([charge._replace(cost=-charge.cost)])

    async def reset(self, key: Key) -> bool:
        """Make a bucket full again; False if it was not known."""
        self._denials.clear()
        return bool(await self._batcher.call("DEL", self._script.name(key)))

    async def owe(self, key: Key, quota: Quota, owed_ns: int) -> None:
        """Set how long a bucket takes until it is full again, if that is later than before."""
        await self._batcher.call(*self._script.owe(key, quota, owed_ns))

    async def post(self, told: Sequence[Announced]) -> list[Announced]:
        """Tell the other machines of quotas, and hear of all that matter."""
        return self._quotas.read(await self._batcher.call(*self._quotas.post(told)))

    async def export(self) -> AsyncIterator[Snapshot]:
        """What the buckets owe that are not full; of windows nothing. All machines' buckets."""
        call, moving = self._batcher.call, self._moving
        await call(*moving.find())
        cursor = None
        while cursor != 0:
            cursor, names = await call(*moving.scan(int(cursor or 0)))
            cursor = int(cursor)
            if names:
                tats, time = await call("MGET", *names), await call("TIME")
                yield moving.snapshot(names, tats, time)

    async def restore(self, snapshot: Snapshot) -> int:
        """Take over buckets; where both have one, the later TAT wins. Gives how many there were.

        Raises:
            ForeignSnapshotError: the snapshot was made with another secret.
            StoreUnavailableError: Redis did not take them, or not all.
        """
        for words in self._moving.restore(snapshot):
            await self._batcher.call(*words)
        return len(snapshot.owed)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._batcher.aclose()

    async def _take_alone(self, charges: Sequence[Charge], known: list[Decision]) -> None:
        """Take what does not bind the request, as it is taken also where that is refused."""
        places = [
            place for place, charge in enumerate(charges) if not (charge.binding or charge.along)
        ]
        if places:
            decisions = await self._batcher.ask([charges[place] for place in places])
            for place, decision in zip(places, decisions, strict=True):
                known[place] = decision

    def _reminder(self) -> Iterable[Sequence[Word]]:
        return self._moving.restore(self.known().largest(_REMINDED)) if self.known else ()
