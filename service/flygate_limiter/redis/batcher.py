"""Sends the requests of a loop turn as one command, over one connection, and keeps their time."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final

from flygate_limiter.charge import Charge
from flygate_limiter.decision import Decision
from flygate_limiter.errors import StoreBusyError, StoreUnavailableError

from .address import RedisAddress
from .connector import Connector
from .link import Link, Reply
from .resp import ReplyError, Word, pack
from .script import EncodedRequest, Script

# Redis works on one while others are on their way; more would only make the batches smaller.
_MOST_UNDER_WAY: Final = 4
# About as many as Redis decides within a budget. More are refused at once.
_MOST_WAITING: Final = 4_096
_TIMER_SLACK_SECONDS: Final = 0.0005

Answer = asyncio.Future[list[Decision]]


class _Pending:
    """A request that waits for its decisions."""

    __slots__ = ("answer", "charges", "deadline", "encoded")

    def __init__(
        self, charges: Sequence[Charge], encoded: EncodedRequest, answer: Answer, deadline: float
    ) -> None:
        self.charges = charges
        self.encoded = encoded
        self.answer = answer
        self.deadline = deadline


class _Call:
    """A command that is under way for some requests."""

    __slots__ = ("link", "overdue", "pending")

    def __init__(self, pending: list[_Pending], link: Link, overdue: float) -> None:
        self.pending = pending
        self.link = link
        self.overdue = overdue


class Batcher:
    """Asks a Redis for many requests at once. Each gets its answer, or an error, within the budget.

    Args:
        address: where Redis is.
        script: packs charges and reads replies.
        budget_seconds: the longest that a decision takes, connecting included.
        reminder: the commands to begin with when a server is another one than before, or was
            started anew: it may have forgotten everything.
    """

    def __init__(
        self,
        address: RedisAddress,
        script: Script,
        budget_seconds: float,
        reminder: Callable[[], Iterable[Sequence[Word]]] = tuple,
    ) -> None:
        """Connect to nothing yet."""
        self._connector = Connector(address, self._begin, self._fail_waiting)
        self._reminder = reminder
        self._server: str | None = None
        self._script = script
        self._is_script_known = False
        self._budget = budget_seconds
        self._waiting: deque[_Pending] = deque()
        self._under_way: list[_Call] = []
        self._deadline = 0.0
        self._is_between_turns = True
        self._timer: asyncio.TimerHandle | None = None

    def ask(self, charges: Sequence[Charge]) -> Answer:
        """Return the decisions on a request, which goes with all others of this loop turn.

        Raises:
            StoreUnavailableError: now, or by the future.
        """
        loop = asyncio.get_running_loop()
        if self._is_between_turns:
            self._is_between_turns = False
            self._deadline = loop.time() + self._budget
            loop.call_soon(self._end_turn)
        if len(self._waiting) >= _MOST_WAITING:
            raise StoreBusyError(f"{_MOST_WAITING} requests wait for Redis already")
        # Here and not for all together: what is wrong with one request must not fail the others.
        encoded = self._script.encode(charges)
        answer: Answer = loop.create_future()
        self._waiting.append(_Pending(charges, encoded, answer, self._deadline))
        return answer

    async def call(self, *words: Word) -> Reply:
        """Return the reply to a single command.

        Raises:
            StoreUnavailableError: Redis did not answer within the budget, or with an error.
        """
        link = None
        try:
            async with asyncio.timeout(self._budget):
                while True:
                    link = await self._connector.wait()
                    try:
                        return await link.call(*words)
                    except ReplyError as exc:
                        if not self._connector.follow(link, str(exc)):
                            raise
        except TimeoutError as exc:
            if link is not None:
                link.abort()
            raise self._late() from exc
        except (ReplyError, OSError) as exc:
            raise _unavailable(exc) from exc

    async def aclose(self) -> None:
        """Close the connection; what waits fails."""
        self._fail_waiting(StoreUnavailableError("the store is closed"))
        await self._connector.aclose()
        if self._timer is not None:
            self._timer.cancel()

    def _end_turn(self) -> None:
        self._is_between_turns = True
        self._send()
        if self._timer is None:
            self._watch()

    def _begin(self, link: Link) -> None:
        if self._server is not None and (not link.server or link.server != self._server):
            for words in self._reminder():
                link.send(pack(*words), _ignore)
        self._server = link.server
        self._send()

    def _send(self) -> None:
        """Begin calls for what waits; if too many are under way, it goes with the next."""
        while self._waiting and len(self._under_way) < _MOST_UNDER_WAY:
            link = self._connector.link()
            if link is None:
                return
            requests = (each.encoded for each in self._waiting)
            command, fitting = self._script.take(requests, self._is_script_known)
            pending = [self._waiting.popleft() for _ in range(fitting)]
            call = _Call(pending, link, asyncio.get_running_loop().time() + self._budget)
            self._under_way.append(call)
            link.send(command, partial(self._answered, call))

    def _answered(self, call: _Call, reply: Reply) -> None:
        self._under_way.remove(call)
        if isinstance(reply, list):
            self._is_script_known = True
            self._settle(call, reply)
        elif self._may_ask_again(call, str(reply)):
            self._waiting.extendleft(reversed(call.pending))
        else:
            _fail(call.pending, _unavailable(reply))
        self._send()

    def _settle(self, call: _Call, reply: list[int]) -> None:
        decisions = self._script.decisions([each.charges for each in call.pending], reply)
        for each, decided in zip(call.pending, decisions, strict=True):
            if not each.answer.done():
                each.answer.set_result(decided)

    def _may_ask_again(self, call: _Call, error: str) -> bool:
        if error.startswith("NOSCRIPT"):  # Redis was restarted, or its scripts were flushed
            self._is_script_known = False
            return True
        return self._connector.follow(call.link, error)

    def _fail_waiting(self, error: StoreUnavailableError) -> None:
        _fail(self._waiting, error)
        self._waiting.clear()

    def _watch(self) -> None:
        """Set one timer for all, by the first that will be late."""
        self._timer = None
        due = min(self._due_times(), default=None)
        if due is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(due + _TIMER_SLACK_SECONDS, self._expire)

    def _due_times(self) -> Iterator[float]:
        if self._waiting:
            yield self._waiting[0].deadline
        for call in self._under_way:
            yield call.overdue
            yield next(
                (each.deadline for each in call.pending if not each.answer.done()), call.overdue
            )

    def _expire(self) -> None:
        now = asyncio.get_running_loop().time()
        for call in self._under_way:
            _fail((each for each in call.pending if each.deadline <= now), self._late())
            if call.overdue <= now:  # the connection may be dead without a sign
                call.link.abort()
        while self._waiting and self._waiting[0].deadline <= now:
            _fail([self._waiting.popleft()], self._late())
        self._watch()

    def _late(self) -> StoreUnavailableError:
        milliseconds = round(self._budget * 1000)
        return StoreUnavailableError(f"Redis did not answer within {milliseconds} ms")


def _ignore(_: Reply) -> None:
    """Drop the reply: if a reminder failed, the next restart is reminded again."""


def _unavailable(error: object) -> StoreUnavailableError:
    return StoreUnavailableError(f"Redis cannot be asked: {error}")


def _fail(pending: Iterable[_Pending], error: StoreUnavailableError) -> None:
    for each in pending:
        if not each.answer.done():
            # One error for each: raising it writes a traceback into it.
            each.answer.set_exception(StoreUnavailableError(str(error)))
            each.answer.exception()  # retrieved: a cancelled caller does not collect it
