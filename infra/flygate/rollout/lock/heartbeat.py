"""Keeps leases while a rollout runs, and stops the rollout when one is lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from flygate.fly.client import FlyClient
from flygate.fly.errors import ConflictError, FlyError, NotFoundError
from flygate.record.journal import Journal
from flygate.rollout.errors import LeaseLostError
from flygate.rollout.lock.lease import lease, tenancy

HEARTBEAT_SECONDS: Final = 4.0
# One that takes longer is asked for anew: there is time for a third before the lease ends.
RENEWAL_SECONDS: Final = 4.0


@dataclass(slots=True)
class Heartbeat:
    """Renews the leases of one rollout.

    Attributes:
        what: the release that is rolled out.
        lost: which lease ended under the body, or empty.
    """

    fly: FlyClient
    app: str
    what: str
    journal: Journal
    lost: str = ""

    @contextlib.asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Renew the leases, and fence all changes, while the body runs.

        Raises:
            LeaseLostError: one was lost while the body waited.
        """
        ended: BaseException | None = None
        self.fly.guard_changes(self._confirm)
        try:
            async with asyncio.TaskGroup() as group:
                beats = group.create_task(self._keep())
                try:
                    yield
                except BaseException as exc:
                    ended = exc
                beats.cancel()
        except* LeaseLostError:
            pass  # the body was cancelled for it, or had come to its end
        finally:
            self.fly.guard_changes(None)
        if self.lost and isinstance(ended, asyncio.CancelledError):
            raise LeaseLostError(self.lost) from None
        if ended is not None:
            raise ended

    async def _keep(self) -> None:
        """Renew all, until one is lost: the task group cancels the body then.

        Raises:
            LeaseLostError: always.
        """
        while not self.lost:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await asyncio.gather(*(self._beat(machine_id) for machine_id in self.fly.leases))
        raise LeaseLostError(self.lost)

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
            f"{self.what} was stopped half-way: {reason}. Did this computer sleep, or was "
            "the process halted? Another rollout may have begun, so this one touches nothing more. "
            "`flygate status` shows what serves; the same command again repairs what is left."
        )
        self.journal.write("failed", "lock", reason, machine_id)
        self.journal.write("restore-failed", "lock", "nothing more was touched")

    async def _successor(self, machine_id: str) -> str | None:
        """Return who holds the machine now, for people; None if the machine is gone."""
        try:
            machine = await self.fly.machine(self.app, machine_id)
        except NotFoundError:
            return None
        if machine.state in {"destroying", "destroyed"}:
            return None
        found = await tenancy(self.fly, self.app, machine_id)
        return f", and is now of {found.by}" if found.by else ""
