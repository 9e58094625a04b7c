"""A store that can fail, made one that always answers in time: a breaker, and a fallback."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, Protocol, TypeVar

from flygate_limiter.algorithm import Algorithm
from flygate_limiter.charge import Charge, Failure, Key
from flygate_limiter.clock import Clock, MonotonicClock
from flygate_limiter.decision import Decision
from flygate_limiter.errors import StoreBusyError, StoreFullError, StoreUnavailableError
from flygate_limiter.events import Listener
from flygate_limiter.fingerprint import Fingerprint
from flygate_limiter.quota import NANOS, Quota
from flygate_limiter.share import share_of
from flygate_limiter.source import Source

from .breaker import Breaker
from .memory import MemoryStore
from .quota_board import QuotaBoard, QuotaNotice
from .snapshot import Portable, Snapshot
from .store import Store, StoreHealth, Taken

_T = TypeVar("_T")

_CLOSED_WAIT_NS: Final = NANOS


class Primary(Store, Portable, Protocol):
    """A store that may fail.

    Attributes:
        fingerprint: names its buckets.
    """

    fingerprint: Fingerprint


class GuardedStore:
    """Asks the primary store; while it cannot be asked, does what each charge's `failure` says.

    The memory learns from every answer what a bucket owes. So an outage frees no client that was
    denied, and gives no fresh burst. Before the primary is asked again the memory's debts are
    restored in it: what was taken meanwhile is not given a second time, and what the primary
    forgot, locked logins too, it has again.

    Args:
        primary: the store that is shared by all machines.
        memory: decides by itself when the primary cannot, with a share of the quota. It has the
            primary's fingerprint.
        machines: how many machines share the quota then.
        clock: what time it is.
        listeners: hear of calls, and of the breaker's state.

    Attributes:
        breaker: whether the primary is asked.
        instant: None; the primary has to be awaited.
    """

    instant: None = None

    def __init__(
        self,
        primary: Primary,
        memory: MemoryStore,
        machines: Callable[[], int] = lambda: 1,
        clock: Clock | None = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        """Begin with a closed breaker.

        Raises:
            ForeignSnapshotError: the two stores name their buckets differently.
        """
        Snapshot.by(primary.fingerprint).check(memory.fingerprint)
        self.breaker = Breaker(clock or MonotonicClock())
        self._machines = machines
        self._problem = ""
        self._primary = primary
        self._memory = memory
        self._listeners = tuple(listeners)
        self._probe: asyncio.Task[None] | None = None

    @property
    def algorithm(self) -> Algorithm:
        """How the memory counts, and so the primary."""
        return self._memory.algorithm

    @property
    def portable(self) -> Portable | None:
        """Itself, if what it counts can move."""
        return self if self.algorithm.is_portable else None

    @property
    def board(self) -> QuotaBoard | None:
        """Itself, if the primary has a board."""
        return self if self._primary.board is not None else None

    @property
    def health(self) -> StoreHealth:
        """Whether the primary is asked, and why it did not answer."""
        return StoreHealth(self.breaker.is_open, self._problem)

    async def take(self, charges: Sequence[Charge]) -> Taken:
        """Take every charge if all the binding ones fit, else nothing. Never raises."""
        if self.breaker.is_open:
            self._probe_primary()
            return self._fall_back(charges)
        began = time.perf_counter()
        try:
            taken = await self._primary.take(charges)
        except StoreUnavailableError as exc:
            self._note(began, exc)
            return self._fall_back(charges)
        if taken.source is not Source.DENY_CACHE:
            self._note(began, None)
            self._memory.learn(charges, taken.decisions)
        return taken

    async def peek(self, key: Key, quota: Quota) -> Decision:
        """Look at a bucket of the primary store.

        Raises:
            StoreUnavailableError: it cannot be asked, or failed a moment ago.
        """
        return await self._ask(lambda: self._primary.peek(key, quota))

    async def give_back(self, charge: Charge) -> None:
        """Return units to the primary store; if it cannot be asked, they are lost."""
        with suppress(StoreUnavailableError):
            await self._ask(lambda: self._primary.give_back(charge))
            self._memory.give_back_now(charge)

    async def reset(self, key: Key) -> bool:
        """Make a bucket full again, wherever it is.

        Raises:
            StoreUnavailableError: as `peek`.
        """
        was_here = await self._memory.reset(key)
        return await self._ask(lambda: self._primary.reset(key)) or was_here

    async def owe(self, key: Key, quota: Quota, owed_ns: int) -> None:
        """Set how long a bucket of the primary store takes until it is full again.

        Raises:
            StoreUnavailableError: as `peek`.
        """
        with suppress(StoreFullError):
            self._memory.owe_now(key, quota, owed_ns)
        await self._ask(lambda: self._primary.owe(key, quota, owed_ns))

    async def post(self, notices: Sequence[QuotaNotice]) -> list[QuotaNotice]:
        """Post notices in the primary store, and return all that still matter.

        Raises:
            StoreUnavailableError: as `peek`.
        """
        board = self._primary.board
        return [] if board is None else await self._ask(lambda: board.post(notices))

    async def export(self) -> AsyncIterator[Snapshot]:
        """Yield what the primary's buckets owe; while it cannot be asked, what the memory's do."""
        try:
            async for snapshot in self._primary.export():
                yield snapshot
        except StoreUnavailableError:
            async for snapshot in self._debts():
                yield snapshot

    async def restore(self, snapshot: Snapshot) -> int:
        """Take over buckets; a primary that cannot take them now gets them before it decides."""
        kept = self._memory.restore_now(snapshot)
        try:
            return await self._ask(lambda: self._primary.restore(snapshot))
        except StoreUnavailableError:
            with self._breaker_watched():
                self.breaker.open()
            return kept

    async def aclose(self) -> None:
        """Close the primary store."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.wait([self._probe])
        await self._primary.aclose()

    def _probe_primary(self) -> None:
        if self._probe is None and self.breaker.may_ask():
            self._probe = asyncio.get_running_loop().create_task(self._restore_primary())
            self._probe.add_done_callback(self._probed)

    async def _restore_primary(self) -> None:
        """Probe without risking a request: restore what the primary missed before it decides."""
        began = time.perf_counter()
        try:
            async for snapshot in self._debts():
                await self._primary.restore(snapshot)
        except StoreUnavailableError as exc:
            self._note(began, exc)
        else:
            self._note(began, None)

    def _probed(self, _: asyncio.Task[None]) -> None:
        self._probe = None

    async def _debts(self) -> AsyncIterator[Snapshot]:
        if self._memory.portable is None:
            yield Snapshot.by(self._memory.fingerprint)
        else:
            yield self._memory.export_now()

    async def _ask(self, call: Callable[[], Awaitable[_T]]) -> _T:
        if self.breaker.is_open:
            self._probe_primary()
            raise StoreUnavailableError(
                "Redis failed a moment ago and is left alone; try again soon"
            )
        began = time.perf_counter()
        try:
            answer = await call()
        except StoreUnavailableError as exc:
            self._note(began, exc)
            raise
        self._note(began, None)
        return answer

    def _note(self, began: float, error: StoreUnavailableError | None) -> None:
        self._problem = "" if error is None else str(error)
        with self._breaker_watched():
            if error is None:
                self.breaker.succeeded()
            elif not isinstance(error, StoreBusyError):  # a crowd is not the store's failure
                self.breaker.failed()
        for listener in self._listeners:
            listener.on_store_call(time.perf_counter() - began, error)

    @contextmanager
    def _breaker_watched(self) -> Iterator[None]:
        was_open = self.breaker.is_open
        yield
        if self.breaker.is_open != was_open:
            for listener in self._listeners:
                listener.on_breaker(self.breaker.is_open)

    def _fall_back(self, charges: Sequence[Charge]) -> Taken:
        shared = [charge for charge in charges if charge.failure is Failure.FAIR_SHARE]
        machines = max(1, self._machines())
        shares = [share_of(charge, machines) for charge in shared]
        closed = any(charge.binding and charge.failure is Failure.CLOSED for charge in charges)
        if closed:  # nothing may be taken
            shares = [share._replace(cost=0) for share in shares]
        decided = iter(self._memory.take_now(shares) if shares else [])
        decisions = [
            next(decided) if charge.failure is Failure.FAIR_SHARE else _by_failure(charge)
            for charge in charges
        ]
        if closed:
            return Taken(decisions, Source.FAILED_CLOSED)
        source = Source.FAIR_SHARE if shared else Source.FAILED_OPEN
        return Taken(decisions, source)


def _by_failure(charge: Charge) -> Decision:
    if charge.failure is Failure.OPEN:
        return Decision(True, 0, 0, charge.quota)
    return Decision(False, _CLOSED_WAIT_NS, charge.quota.capacity_ns, charge.quota)
