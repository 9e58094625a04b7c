"""Buckets in Redis, shared by all machines: one script call for all requests of a loop turn."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Final, Self

from flygate_limiter.algorithm import Algorithm
from flygate_limiter.bucket import TOKEN_BUCKET
from flygate_limiter.charge import MOST_PER_REQUEST, Charge, Key, is_refused
from flygate_limiter.clock import Clock, MonotonicClock
from flygate_limiter.decision import Decision
from flygate_limiter.errors import StoreError
from flygate_limiter.fingerprint import Fingerprint, keyed_fingerprint
from flygate_limiter.quota import Quota
from flygate_limiter.source import Source
from flygate_limiter.store.quota_board import QuotaNotice
from flygate_limiter.store.snapshot import Portable, Snapshot
from flygate_limiter.store.store import Taken

from .address import RedisAddress
from .batcher import Batcher
from .denials import Denials
from .quota_board import QuotaBoardCommands
from .resp import Word
from .script import Script
from .transfer import TransferCommands

# All wait while a server is reminded of them: a few milliseconds.
_REMINDED: Final = 2_048


class RedisStore:
    """Asks a Redis (6.2 or newer, Valkey, a Cluster), or fails within the budget.

    Args:
        url: `redis://…` or `rediss://…` (TLS); see `RedisAddress.parse`.
        names: gives buckets their names, so that no address can be read in Redis; or the secret
            to do so with. All machines must have the same one.
        budget_seconds: the longest that a decision takes, connecting included.
        clock: for tests; without one Redis's own clock is used, which all machines share.
        denials: what was refused a moment ago.
        algorithm: how it counts.
        known: gives what this process knows of buckets; a server that was started anew gets it
            before it decides.

    Attributes:
        fingerprint: names buckets.
        algorithm: how it counts.
        instant: None; Redis has to be awaited.
        board: itself.
        health: None; it says nothing of its failures.

    Raises:
        AddressError: the URL cannot be understood.
    """

    instant: None = None
    health: None = None

    def __init__(  # noqa: PLR0913, PLR0917 (each is an option)
        self,
        url: str,
        names: Fingerprint | bytes,
        budget_seconds: float = 0.05,
        clock: Clock | None = None,
        denials: Denials | None = None,
        algorithm: Algorithm = TOKEN_BUCKET,
        known: Callable[[], Snapshot] | None = None,
    ) -> None:
        """Connect to nothing yet."""
        self.fingerprint = keyed_fingerprint(names) if isinstance(names, bytes) else names
        self.algorithm = algorithm
        self._script = Script(self.fingerprint, clock, algorithm)
        self._transfer = TransferCommands(self.fingerprint, clock)
        self._quotas = QuotaBoardCommands(clock)
        self._known = known
        address = RedisAddress.parse(url)
        self._batcher = Batcher(address, self._script, budget_seconds, self._reminder)
        self._denials = Denials(clock or MonotonicClock()) if denials is None else denials

    @property
    def board(self) -> Self:
        """Itself."""
        return self

    @property
    def portable(self) -> Portable | None:
        """Itself, if what it counts can move."""
        return self if self.algorithm.is_portable else None

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

    async def post(self, notices: Sequence[QuotaNotice]) -> list[QuotaNotice]:
        """Post notices, and return all that still matter."""
        return self._quotas.read(await self._batcher.call(*self._quotas.post(notices)))

    async def export(self) -> AsyncIterator[Snapshot]:
        """Yield what the buckets of all machines owe that are not full; of windows nothing."""
        call, transfer = self._batcher.call, self._transfer
        await call(*transfer.find())
        cursor = None
        while cursor != 0:
            cursor, names = await call(*transfer.scan(int(cursor or 0)))
            cursor = int(cursor)
            if names:
                tats, time = await call("MGET", *names), await call("TIME")
                yield transfer.snapshot(names, tats, time)

    async def restore(self, snapshot: Snapshot) -> int:
        """Take over buckets; where both have one, the later TAT wins. Returns how many there were.

        Raises:
            ForeignSnapshotError: the snapshot was made with another secret.
            StoreUnavailableError: Redis did not take them, or not all.
        """
        for words in self._transfer.restore(snapshot):
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
        if self._known is None:
            return ()
        return self._transfer.restore(self._known().largest(_REMINDED))
