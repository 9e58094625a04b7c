"""A process of an operator's: its calls, what goes wrong at them, its clock, its end."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

import httpx
from flygate.rollout.lock.holder import Holder, HolderFile

from tests.simulation.call import Call, Reply
from tests.simulation.fault import Fault, Faults
from tests.simulation.wire import Send

Result = TypeVar("Result")

_RETURNED_IN = (0.01, 0.05)
_UNDER_WAY = 1.0
CURRENT: ContextVar[Process | None] = ContextVar("process", default=None)


class Dead(BaseException):
    """The process has ended: what it still does has no effect."""


class CrashedError(Exception):
    """The process that was waited for has ended before its work."""


class Outside(Protocol):
    """What is around a process."""

    @property
    def is_down(self) -> bool:
        """Fly can't be reached."""
        ...

    def strike(self, process: Process, fault: Fault) -> None:
        """Do what a fault asks for that is not about the call itself."""
        ...

    def note(self, who: str, text: str) -> None:
        """Take a line for the trace."""
        ...

    def done(self, process: Process, call: Call, reply: Reply) -> None:
        """Fly has answered a call, which left the process a moment ago."""
        ...


class WatchedFile(HolderFile):
    """A holder file of whatever process opens it."""

    def claim(self, holder: Holder) -> str | None:
        """See `HolderFile`; the dead claim nothing."""
        if process := CURRENT.get():
            process.opened(self)
        return super().claim(holder)


class Process:
    """One run of a command.

    Args:
        name: for the trace.
        faults: what goes wrong, by the number of the call.
        chance: how long calls take.
        outside: see there.

    Attributes:
        calls: how many it has made.
        struck: the faults that came to pass.
        skew: by how many seconds its wall clock is wrong.
        streak: how many calls of one kind may fail one after the other.
        is_dead: it has ended by force.
        remains: what unwinds of it still, unseen.
    """

    def __init__(
        self,
        name: str,
        faults: Faults,
        chance: random.Random,
        outside: Outside,
    ) -> None:
        self.name = name
        self.calls = 0
        self.struck: Faults = {}
        self.skew = 0.0
        self.streak = 0
        self.is_dead = False
        self._streaks: Counter[str] = Counter()
        self._task: asyncio.Future[Any] | None = None
        self._faults = faults
        self._chance = chance
        self._outside = outside
        self._awake_at = 0.0
        self.remains: asyncio.Future[Any] | None = None
        self._files: list[HolderFile] = []
        self._died = asyncio.get_running_loop().create_future()

    async def run(self, job: Coroutine[Any, Any, Result]) -> Result:
        """Run a job as this process.

        Raises:
            CrashedError: it died before the job's end.
        """
        token = CURRENT.set(self)
        try:
            task = asyncio.ensure_future(job)
        finally:
            CURRENT.reset(token)
        self._task = task
        await asyncio.wait([task, self._died], return_when=asyncio.FIRST_COMPLETED)
        if self.is_dead:
            task.cancel()
            self.remains = task
            raise CrashedError(self.name)
        return task.result()

    def opened(self, file: HolderFile) -> None:
        """The kernel closes it when the process dies."""
        if self.is_dead:
            raise Dead
        self._files.append(file)

    def sleep(self, seconds: float) -> None:
        """Stand still."""
        self._awake_at = asyncio.get_running_loop().time() + seconds

    def interrupt(self) -> None:
        """As `infra/flygate/cli/verbs/op.py` hears a Ctrl-C: the job is cancelled once."""
        if self._task and not self._task.done():
            self._task.cancel()
            self._task = None

    def die(self) -> None:
        """End now, without a chance to clean up."""
        if not self.is_dead:
            self.is_dead = True
            self._outside.note(self.name, "dies")
            for file in self._files:
                if file._descriptor is not None:
                    os.close(file._descriptor)
                    file._descriptor = None
            self._died.set_result(None)
        raise Dead

    def line(self, send: Send) -> Send:
        """A way to Fly, with this process's faults on it."""

        async def carry(call: Call) -> Reply:
            if self.is_dead:
                raise Dead
            self.calls += 1
            fault = self._faults.get(self.calls)
            kind = f"{call.method} {_place(call)}"
            what = f"{self.calls:3} {kind}"
            self._count(kind, fault)
            try:
                reply = await self._carry(call, send, fault)
            except httpx.HTTPError as exc:
                self._outside.note(self.name, f"{what} → {type(exc).__name__} ({fault or 'down'})")
                raise
            self._outside.note(
                self.name, f"{what} → {reply.status}" + (f" ({fault})" if fault else "")
            )
            return reply

        return carry

    def _count(self, kind: str, fault: Fault | None) -> None:
        self._streaks[kind] = self._streaks[kind] + 1 if fault else 0
        self.streak = max(self.streak, self._streaks[kind])

    async def _carry(self, call: Call, send: Send, fault: Fault | None) -> Reply:
        began = asyncio.get_running_loop().time()
        await self._pass(self._chance.uniform(*_RETURNED_IN))
        if self._outside.is_down:
            raise httpx.ConnectError("connection refused")
        if fault is None:
            reply = await send(call)
        else:
            self.struck[self.calls] = fault
            reply = await self._struck(call, send, fault)
        # What was under way while the process slept no fence can hold back.
        if asyncio.get_running_loop().time() < began + _UNDER_WAY:
            self._outside.done(self, call, reply)
        await self._pass(0.0)
        return reply

    async def _struck(self, call: Call, send: Send, fault: Fault) -> Reply:
        if early := _instead(fault):
            return early
        if fault.kind == "crash":
            self.die()
        self._outside.strike(self, fault)
        await self._pass(0.0)
        reply = await send(call)
        match fault.kind:
            case "crash-after":
                self.die()
            case "interrupt":
                self.interrupt()
                await asyncio.sleep(0)
            case "lost":
                raise httpx.ReadError("connection reset by peer")
            case "500-after":
                return Reply(500, {"error": "internal"})
            case "slow":
                await self._slowly(fault.number, call.patience)
        return reply

    async def _slowly(self, seconds: float, patience: float) -> None:
        await self._pass(min(seconds, patience))
        if seconds > patience:
            raise httpx.ReadTimeout("timed out")

    async def _pass(self, seconds: float) -> None:
        """Let time pass, and all of it that the process sleeps; a dead one goes no further."""
        if seconds:
            await asyncio.sleep(seconds)
        now = asyncio.get_running_loop().time()
        if self._awake_at > now:
            await asyncio.sleep(self._awake_at - now)
        if self.is_dead:
            raise Dead


def _instead(fault: Fault) -> Reply | None:
    """What comes in the place of Fly's answer; nothing is done."""
    match fault.kind:
        case "500" | "503":
            return Reply(int(fault.kind), {"error": "internal"})
        case "429":
            headers = {"retry-after": f"{fault.number:g}"} if fault.number else {}
            return Reply(429, {"error": "rate limited"}, headers)
        case "reset":
            raise httpx.ReadError("connection reset by peer")
    return None


def _place(call: Call) -> str:
    """The path without what is always the same."""
    return call.path.removeprefix("/v1/apps/shop/").removeprefix("/v1")
