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
from typing import Final

from flygate.fly.client import FlyClient
from flygate.fly.errors import ConflictError, NotFoundError
from flygate.record.journal import Journal
from flygate.rollout.errors import LockHeldError
from flygate.rollout.lock.heartbeat import Heartbeat
from flygate.rollout.lock.holder import Holder, HolderFile
from flygate.rollout.lock.lease import TTL_SECONDS, lease, tenancy
from flygate.system.polling import poll
from flygate.system.shielding import shielded

RETRY_SECONDS: Final = 1.0
# As long as a dead holder's lease can last, and a little more.
PATIENCE_SECONDS: Final = 20.0
# Leases that are not given back end by themselves, as soon.
GIVE_BACK_SECONDS: Final = 5.0


@dataclass(slots=True)
class Lock:
    """The leases of one rollout.

    Attributes:
        wait_seconds: how long a living holder is waited for.
    """

    fly: FlyClient
    app: str
    holder: Holder
    journal: Journal
    wait_seconds: float = 0.0

    def __post_init__(self) -> None:
        # Others read it in the leases: what an operator typed as a reason may be anything.
        self.holder = replace(self.holder, why=self.journal.redact(self.holder.why))
        self.fly.leases.description = self.holder.description

    @contextlib.asynccontextmanager
    async def hold(self, file: HolderFile, machines: Iterable[str]) -> AsyncIterator[None]:
        """Hold the leases of machines, and of those that `lease` adds, while the body runs.

        Every change that the body asks of Fly is fenced: it is made only while all leases are ours.

        Raises:
            LockHeldError: another process holds one, and lives.
            LeaseLostError: one ended under the body, from the first change after that on.
        """
        deadline = time.monotonic() + self.wait_seconds
        async with self._alone_here(file, deadline):
            try:
                await self.take(machines)
                async with Heartbeat(self.fly, self.app, self.holder.what, self.journal).beating():
                    yield
            finally:
                await shielded(self._give_back())

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
        """Be alone among the processes of this computer; the leases of a dead one are ours."""
        report = _Once(lambda by: self.journal.write("waiting", "lock", f"for {by}"))

        async def claim() -> str | None:
            other = file.claim(self.holder)
            if other is not None and time.monotonic() <= deadline:
                report(other)
            return other

        within = deadline - time.monotonic()
        other = await poll(claim, lambda by: by is None, every=RETRY_SECONDS, within=within)
        if other is not None:
            raise self._refusal(other)
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
        """Take a lease, or wait until it is free or its holder turns out to live."""
        watch = _HolderWatch(time.monotonic())
        report = _Once(lambda by: self.journal.write("waiting", "lock", f"for {by}", machine_id))

        async def attempt() -> bool:
            try:
                await lease(self.fly, self.app, machine_id)
            except NotFoundError:
                return True  # a machine that is gone needs no lease
            except ConflictError as exc:
                found = await tenancy(self.fly, self.app, machine_id)
                if watch.is_alive(found.ends) and time.monotonic() > deadline:
                    raise self._refusal(found.by or exc.detail, machine_id) from exc
                report(found.by)
                return False
            return True

        await poll(attempt, bool, every=RETRY_SECONDS)

    def _refusal(self, by: str, machine_id: str = "") -> LockHeldError:
        self.journal.write("refused", "lock", f"held by {by}", machine_id)
        return LockHeldError(
            f"Another rollout of {self.app} is under way: {by}. Nothing was changed. "
            "Wait for it to end and run the same command again, or let it wait with `--wait 10m`."
        )

    async def _give_back(self) -> None:
        held = [self.fly.release_lease(self.app, machine_id) for machine_id in self.fly.leases]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*held, return_exceptions=True), GIVE_BACK_SECONDS)


@dataclass(slots=True)
class _HolderWatch:
    """Distinguishes a holder that lives from one that has died, by its heartbeat.

    Attributes:
        since: when the watch began.
        first: when the lease was to end then; 0 before it was seen.
    """

    since: float
    first: int = 0

    def is_alive(self, ends: int) -> bool:
        """Return whether the lease was renewed, lasts longer than ours, or is held for too long."""
        self.first = self.first or ends
        left = ends - time.time()
        waited = time.monotonic() - self.since
        return ends > self.first or left > TTL_SECONDS + 1 or waited > PATIENCE_SECONDS


class _Once:
    """Reports the first of several texts."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._is_done = False

    def __call__(self, text: str) -> None:
        if not self._is_done:
            self._is_done = True
            self._report(text)
