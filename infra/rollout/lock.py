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

from infra.fly.client import FlyClient
from infra.fly.errors import Conflict, FlyError, NotFound
from infra.rollout.errors import LockHeld
from infra.rollout.holder import Holder, HolderFile
from infra.rollout.journal import Journal
from infra.rollout.undisturbed import undisturbed

TTL_SECONDS = 15
HEARTBEAT_SECONDS = 4.0
RETRY_SECONDS = 1.0
# As long as a dead holder's lease can last, and a little more.
PATIENCE_SECONDS = 20.0


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

    @contextlib.asynccontextmanager
    async def hold(self, file: HolderFile, machines: Iterable[str]) -> AsyncIterator[None]:
        """Hold the leases of machines, and of those that `lease` adds, while the body runs.

        Raises:
            LockHeld: somebody else holds one, and lives.
        """
        deadline = time.monotonic() + self.wait_seconds
        async with self._alone_here(file, deadline):
            try:
                await self.take(machines)
                heartbeat = asyncio.create_task(self._keep())
                try:
                    yield
                finally:
                    heartbeat.cancel()
                    await undisturbed(_ended(heartbeat))
            finally:
                await undisturbed(self._give_back())

    async def take(self, machines: Iterable[str]) -> None:
        """Take more leases.

        Raises:
            LockHeld: see `hold`.
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
            await lease(self.fly, self.app, machine_id, self.holder.description)
        except (NotFound, Conflict):
            self.fly.leases.pop(machine_id, None)
            return False
        return True

    async def _take(self, machine_id: str, deadline: float) -> None:
        watch = _Watch(time.monotonic())
        told = _Once(lambda by: self.journal.write("waiting", "lock", f"for {by}", machine_id))
        while True:
            try:
                await lease(self.fly, self.app, machine_id, self.holder.description)
            except NotFound:
                return
            except Conflict as exc:
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

    def _refusal(self, by: str, machine_id: str = "") -> LockHeld:
        self.journal.write("refused", "lock", f"held by {by}", machine_id)
        return LockHeld(
            f"Another rollout of {self.app} is under way: {by}. Nothing was changed. "
            "Wait for it to end and run the same command again, or let it wait with `--wait 10m`."
        )

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            for machine_id in list(self.fly.leases):
                with contextlib.suppress(FlyError):  # the next beat tries again
                    await lease(self.fly, self.app, machine_id, self.holder.description)

    async def _give_back(self) -> None:
        await asyncio.gather(
            *(self.fly.release_lease(self.app, machine_id) for machine_id in list(self.fly.leases)),
            return_exceptions=True,  # it expires by itself
        )


async def lease(fly: FlyClient, app: str, machine_id: str, description: str = "") -> None:
    """Take or renew the lease of one machine; the heartbeat keeps it."""
    await fly.acquire_lease(app, machine_id, TTL_SECONDS, description)


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
