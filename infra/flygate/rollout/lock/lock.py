"""One rollout at a time: leases on the app's machines, kept alive by a heartbeat.

flyctl honours the same leases. A holder that dies lets them expire within seconds; one that died
on this computer is recognised at once (see `holder.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from flygate.fly.client import FlyClient
from flygate.fly.errors import ConflictError, FlyError, NotFoundError
from flygate.record.journal import Journal
from flygate.rollout.errors import LeaseLostError, LockHeldError
from flygate.rollout.lock.holder import Holder, HolderFile
from flygate.system.shielding import shielded

TTL_SECONDS = 15
HEARTBEAT_SECONDS = 4.0
# One that takes longer is asked for anew: there is time for a third before the lease ends.
RENEWAL_SECONDS = 4.0
RETRY_SECONDS = 1.0
# As long as a dead holder's lease can last, and a little more.
PATIENCE_SECONDS = 20.0
# Leases that are not given back end by themselves, as soon.
GIVE_BACK_SECONDS = 5.0


@dataclass(slots=True)
class Lock:
    """The leases of one rollout.

    Attributes:
        wait_seconds: how long a living holder is waited for.
        lost: which lease ended under the body, or empty.
    """

    fly: FlyClient
    app: str
    holder: Holder
    journal: Journal
    wait_seconds: float = 0.0
    lost: str = ""

    def __post_init__(self) -> None:
        # Others read it in the leases: what an operator typed as a reason may be anything.
        self.holder = replace(self.holder, why=self.journal.redact(self.holder.why))
        self.fly.leases.description = self.holder.description

    @contextlib.asynccontextmanager
    async def hold(self, file: HolderFile, machines: Iterable[str]) -> AsyncIterator[None]:
        """Hold the leases of machines, and of those that `lease` adds, while the body runs.

        Every change that the body asks of Fly is fenced: it is made only while all leases are ours.

        Raises:
            LockHeldError: somebody else holds one, and lives.
            LeaseLostError: one ended under the body, from the first change after that on.
        """
        deadline = time.monotonic() + self.wait_seconds
        async with self._alone_here(file, deadline):
            try:
                await self.take(machines)
                async with self._kept():
                    yield
            finally:
                await shielded(self._give_back())

    @contextlib.asynccontextmanager
    async def _kept(self) -> AsyncIterator[None]:
        body = asyncio.current_task()
        heartbeat = asyncio.create_task(self._keep(body))
        self.fly.guard_changes(self._confirm)
        try:
            yield
        except asyncio.CancelledError:
            if self.lost and body:
                body.uncancel()
                raise LeaseLostError(self.lost) from None
            raise
        finally:
            self.fly.guard_changes(None)
            heartbeat.cancel()
            await shielded(_ended(heartbeat))

    async def take(self, machines: Iterable[str]) -> None:
        """Take more leases.

        Raises:
            LockHeldError: see `hold`.
        """
        deadline = time.monotonic() + self.wait_seconds
        for machine_id in machines:
            if machine_id not in self.fly.leases or not await self._renewed(machine_id):
                await self._take(machine_id, deadline)

    @contextlib.asynccontextmanager
    async def _alone_here(self, file: HolderFile, deadline: float) -> AsyncIterator[None]:
        """Alone among the processes of this computer; the leases of a dead one are ours."""
        told = _Once(lambda by: self.journal.write("waiting", "lock", f"for {by}"))
        while (other := file.claim(self.holder)) is not None:
            if time.monotonic() > deadline:
                raise self._refusal(str(other))
            told(str(other))
            await asyncio.sleep(RETRY_SECONDS)
        try:
            self.fly.leases.update(file.left_behind)
            self.fly.leases.on_change = lambda: file.note(self.fly.leases)
            yield
        finally:
            self.fly.leases.on_change = None
            file.release()

    async def _renewed(self, machine_id: str) -> bool:
        """A lease of which we have the nonce is ours still."""
        try:
            await lease(self.fly, self.app, machine_id)
        except (NotFoundError, ConflictError):
            self.fly.leases.pop(machine_id, None)
            return False
        return True

    async def _take(self, machine_id: str, deadline: float) -> None:
        watch = _Watch(time.monotonic())
        told = _Once(lambda by: self.journal.write("waiting", "lock", f"for {by}", machine_id))
        while True:
            try:
                await lease(self.fly, self.app, machine_id)
            except NotFoundError:
                return
            except ConflictError as exc:
                by, ends = await self._holder_of(machine_id)
                if watch.is_alive(ends) and time.monotonic() > deadline:
                    raise self._refusal(by or exc.detail, machine_id) from exc
                told(by)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _holder_of(self, machine_id: str) -> tuple[str, int]:
        """Who holds a machine, for people, and until when."""
        with contextlib.suppress(FlyError):
            if found := await self.fly.lease(self.app, machine_id):
                left = max(0, found.expires_at - int(time.time()))
                by = found.description or found.owner
                return f"{by} (its lease ends in {left} s)", found.expires_at
        return "", 0

    def _refusal(self, by: str, machine_id: str = "") -> LockHeldError:
        self.journal.write("refused", "lock", f"held by {by}", machine_id)
        return LockHeldError(
            f"Another rollout of {self.app} is under way: {by}. Nothing was changed. "
            "Wait for it to end and run the same command again, or let it wait with `--wait 10m`."
        )

    async def _keep(self, body: asyncio.Task[Any] | None) -> None:
        """Renew all, until one is lost: what the body does then is no more than waiting."""
        while not self.lost:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await asyncio.gather(*(self._beat(machine_id) for machine_id in self.fly.leases))
        if body:
            body.cancel()

    async def _beat(self, machine_id: str) -> None:
        """Renew one; a failure is borne, since the next beat comes before the lease ends."""
        with contextlib.suppress(FlyError, TimeoutError, LeaseLostError):
            await asyncio.wait_for(self._renew(machine_id), RENEWAL_SECONDS)

    async def _confirm(self) -> None:
        """The fence: each lease holds, or is asked for where this computer can't be sure."""
        if self.lost:
            raise LeaseLostError(self.lost)
        for machine_id in self.fly.leases.doubtful():
            await self._renew(machine_id)

    async def _renew(self, machine_id: str) -> None:
        """Hold a lease for longer.

        Raises:
            LeaseLostError: it has ended, or is another's.
        """
        try:
            await lease(self.fly, self.app, machine_id)
        except (NotFoundError, ConflictError):
            if machine_id not in self.fly.leases:
                return  # its machine was destroyed meanwhile
            by = await self._successor(machine_id)
            if by is None:
                self.fly.leases.pop(machine_id, None)
                return
            self._lose(machine_id, by)
            raise LeaseLostError(self.lost) from None

    def _lose(self, machine_id: str, by: str) -> None:
        if self.lost:
            return
        reason = f"the lease of machine {machine_id} has ended{by}"
        self.lost = (
            f"{self.holder.what} was stopped half-way: {reason}. Did this computer sleep, or was "
            "the process halted? Another rollout may have begun, so this one touches nothing more. "
            "`flygate status` shows what serves; the same command again repairs what is left."
        )
        self.journal.write("failed", "lock", reason, machine_id)
        self.journal.write("restore-failed", "lock", "nothing more was touched")

    async def _successor(self, machine_id: str) -> str | None:
        """Who holds the machine now, for people; None if there is no such machine any more."""
        try:
            machine = await self.fly.machine(self.app, machine_id)
        except NotFoundError:
            return None
        if machine.state in {"destroying", "destroyed"}:
            return None
        by, _ = await self._holder_of(machine_id)
        return f", and is now of {by}" if by else ""

    async def _give_back(self) -> None:
        gone = [self.fly.release_lease(self.app, machine_id) for machine_id in self.fly.leases]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*gone, return_exceptions=True), GIVE_BACK_SECONDS)


async def lease(fly: FlyClient, app: str, machine_id: str) -> None:
    """Take or renew the lease of one machine for the holder; the heartbeat keeps it."""
    await fly.acquire_lease(app, machine_id, TTL_SECONDS, fly.leases.description)


@dataclass(slots=True)
class _Watch:
    """Tells a holder that lives from one that has died, by its heartbeat.

    Attributes:
        since: when the watch began.
        first: when the lease was to end then; 0 before it was seen.
    """

    since: float
    first: int = 0

    def is_alive(self, ends: int) -> bool:
        """The lease was renewed, lasts longer than ours ever would, or is held for too long."""
        self.first = self.first or ends
        left = ends - time.time()
        waited = time.monotonic() - self.since
        return ends > self.first or left > TTL_SECONDS + 1 or waited > PATIENCE_SECONDS


class _Once:
    """Says something the first time only."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said = False

    def __call__(self, text: str) -> None:
        if not self._said:
            self._said = True
            self._say(text)


async def _ended(task: asyncio.Task[None]) -> None:
    await asyncio.wait([task])
