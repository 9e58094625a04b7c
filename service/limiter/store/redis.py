"""Buckets in Redis, shared by all machines: one script call for all requests of a loop turn."""

from collections.abc import Sequence

from service.limiter.clock import Clock, MonotonicClock
from service.limiter.decision import Decision
from service.limiter.denials import Denials
from service.limiter.errors import StoreError
from service.limiter.quota import Quota

from .address import RedisAddress
from .base import Charge, Key, Source, Taken, is_refused
from .batcher import Batcher
from .script import MOST_PER_REQUEST, BucketScript


class RedisStore:
    """Asks a Redis (6.2 or newer, Valkey, a Cluster), or says within the budget that it cannot.

    Args:
        url: `redis://…` or `rediss://…` (TLS); see `RedisAddress.parse`.
        secret: keys are hashed with it, so that no address or name can be read in Redis. All
            machines must have the same one.
        budget_seconds: the longest that a decision takes, connecting included.
        clock: for tests; without one Redis's own clock is used, which all machines share.
        denials: what was refused a moment ago.
        script: what is kept: `BucketScript`, or `WindowScript` for sliding windows.

    Raises:
        AddressError: the URL cannot be understood.
    """

    def __init__(
        self,
        url: str,
        secret: bytes,
        budget_seconds: float = 0.05,
        clock: Clock | None = None,
        denials: Denials | None = None,
        script: type[BucketScript] = BucketScript,
    ) -> None:
        """Connect to nothing yet."""
        self._script = script(secret, clock)
        self._batcher = Batcher(RedisAddress.parse(url), self._script, budget_seconds)
        self._denials = Denials(clock or MonotonicClock()) if denials is None else denials

    async def take(self, charges: Sequence[Charge]) -> Taken:
        """Take every charge if all the binding ones fit, else nothing.

        Raises:
            StoreUnavailable: Redis did not answer within the budget, or with an error.
        """
        if not charges:
            return Taken([], Source.REDIS)
        known = self._denials.find(charges)
        if known is not None:
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

    async def aclose(self) -> None:
        """Close the connection."""
        await self._batcher.aclose()
