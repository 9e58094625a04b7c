"""Buckets in Redis, shared by all machines: one script call for all requests of a loop turn."""

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from service.limiter.clock import Clock, MonotonicClock
from service.limiter.decision import NEVER, Decision
from service.limiter.denials import Denials
from service.limiter.errors import StoreUnavailable
from service.limiter.quota import NANOS, Quota

from .base import Charge, Key, Source, Taken, is_refused

SCRIPT: Final = files(__package__).joinpath("redis.lua").read_text()

# One tag for all buckets: on a Redis Cluster they lie on one node, where one script reaches them.
_TAG: Final = "{flygate}:"
_CALLS_IN_FLIGHT: Final = 4
_MOST_REQUESTS_PER_CALL: Final = 512

# uvloop has a RuntimeError for who writes to a connection that was lost a moment ago.
_FAILURES: Final = (TimeoutError, RedisError, OSError, RuntimeError)

_Asked = tuple[Sequence[Charge], "asyncio.Future[list[Decision]]"]


class RedisStore:
    """Asks a Redis, or says within the budget that it cannot.

    Args:
        url: `redis://…` or `rediss://…` (TLS).
        secret: keys are hashed with it, so that no address or name can be read in Redis. All
            machines must have the same one.
        budget_seconds: the longest that a decision takes, connecting included.
        clock: for tests; without one Redis's own clock is used, which all machines share.
        denials: what was refused a moment ago.
    """

    def __init__(
        self,
        url: str,
        secret: bytes,
        budget_seconds: float = 0.05,
        clock: Clock | None = None,
        denials: Denials | None = None,
    ) -> None:
        """Connect to nothing yet."""
        self._client = Redis.from_url(
            url,
            socket_timeout=budget_seconds,
            socket_connect_timeout=budget_seconds,
            retry=Retry(NoBackoff(), 0),
            max_connections=2 * _CALLS_IN_FLIGHT,
            protocol=2,
        )
        self._sha = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
        self._secret = hashlib.blake2b(secret, digest_size=32).digest()
        self._budget_seconds = budget_seconds
        self._clock = clock
        self._denials = Denials(clock or MonotonicClock()) if denials is None else denials
        self._turn: list[_Asked] = []
        self._waiting: list[_Asked] = []
        self._calls: set[asyncio.Task[None]] = set()

    async def take(self, charges: Sequence[Charge]) -> Taken:
        """Take every charge if all the binding ones fit, else nothing.

        Raises:
            StoreUnavailable: Redis did not answer within the budget, or with an error.
        """
        known = self._denials.find(charges)
        if known is not None:
            return Taken(known, Source.DENY_CACHE)
        decisions = await self._ask(charges)
        if is_refused(charges, decisions):
            self._denials.remember(charges, decisions)
        return Taken(decisions, Source.REDIS)

    async def peek(self, key: Key, quota: Quota) -> Decision:
        """Look at a bucket and take nothing."""
        return (await self._ask([Charge(key, quota, 0)]))[0]

    async def give_back(self, charge: Charge) -> None:
        """Return units that were taken and not used."""
        await self._ask([charge._replace(cost=-charge.cost, binding=True)])

    async def reset(self, key: Key) -> bool:
        """Make a bucket full again; False if it was not known."""
        self._denials.clear()
        try:
            async with asyncio.timeout(self._budget_seconds):
                return bool(await self._client.delete(self._name(key)))
        except _FAILURES as error:
            raise self._unavailable(error) from error

    async def owe(self, key: Key, quota: Quota, owed_ns: int) -> None:
        """Set how long a bucket takes until it is full again."""
        await self.reset(key)
        # A bucket of just this size, taken whole: the script needs no second way to write.
        await self._ask([Charge(key, Quota(1, owed_ns, 1), 1)])

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _ask(self, charges: Sequence[Charge]) -> list[Decision]:
        """Wait for the call that takes these charges along with others."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Decision]] = loop.create_future()
        if not self._turn:
            loop.call_soon(self._send)
        self._turn.append((charges, answer))
        try:
            return await answer
        except _FAILURES as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        if isinstance(error, TimeoutError):
            milliseconds = round(self._budget_seconds * 1000)
            return StoreUnavailable(f"Redis did not answer within {milliseconds} ms")
        return StoreUnavailable(f"Redis cannot be asked: {error}")

    def _send(self) -> None:
        """Begin calls for what waits; what finds too many in flight goes with the next."""
        if self._turn:
            # One timer for all requests of a turn: one for each would cost more than the call.
            loop = asyncio.get_running_loop()
            loop.call_later(self._budget_seconds, _give_up, self._turn)
            self._waiting += self._turn
            self._turn = []
        self._waiting = [asked for asked in self._waiting if not asked[1].done()]
        while self._waiting and len(self._calls) < _CALLS_IN_FLIGHT:
            batch = self._waiting[:_MOST_REQUESTS_PER_CALL]
            del self._waiting[:_MOST_REQUESTS_PER_CALL]
            call = asyncio.get_running_loop().create_task(self._call(batch))
            self._calls.add(call)
            call.add_done_callback(self._ended)

    def _ended(self, call: "asyncio.Task[None]") -> None:
        self._calls.discard(call)
        if self._waiting:
            self._send()

    async def _call(self, batch: list[_Asked]) -> None:
        try:
            async with asyncio.timeout(self._budget_seconds):
                numbers = await self._run_script(batch)
        except Exception as error:
            _fail(batch, error)
            return
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        for charges, answer in batch:
            decisions = [_decision(charge, *next(pairs)) for charge in charges]
            if not answer.done():
                answer.set_result(decisions)

    async def _run_script(self, batch: list[_Asked]) -> list[int]:
        keys = [self._name(charge.key) for charges, _ in batch for charge in charges]
        arguments = [self._time(), *_arguments(batch)]
        try:
            return await self._client.execute_command(  # type: ignore[no-any-return,no-untyped-call]
                "EVALSHA", self._sha, len(keys), *keys, *arguments
            )
        except NoScriptError:  # Redis was restarted
            return await self._client.execute_command(  # type: ignore[no-any-return,no-untyped-call]
                "EVAL", SCRIPT, len(keys), *keys, *arguments
            )

    def _time(self) -> str:
        if self._clock is None:
            return ""
        return "{}:{}".format(*divmod(self._clock.now(), NANOS))

    def _name(self, key: Key) -> str:
        policy, subject = key
        text = f"{len(policy)}:{policy}{subject}".encode()
        return _TAG + hashlib.blake2b(text, key=self._secret, digest_size=16).hexdigest()


def _give_up(asked: list[_Asked]) -> None:
    _fail(asked, TimeoutError())


def _fail(asked: list[_Asked], error: Exception) -> None:
    for _, answer in asked:
        if not answer.done():
            answer.set_exception(error)
            answer.exception()  # whoever was cancelled meanwhile does not collect it


def _arguments(batch: list[_Asked]) -> Iterator[int]:
    for number, (charges, _) in enumerate(batch):
        for charge in charges:
            quota = charge.quota
            yield number
            yield charge.cost * quota.emission_ns
            yield quota.capacity_ns
            yield int(charge.binding)


def _decision(charge: Charge, over: int, owed: int) -> Decision:
    if over <= 0:
        return Decision(True, 0, owed, charge.quota)
    return Decision(False, over if charge.cost <= charge.quota.burst else NEVER, owed, charge.quota)
