"""Copies of what is owed here, for the case that this machine is killed."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol

from flygate_limiter import ForeignSnapshotError, InstantStore, Snapshot
from flygate_limiter.reload.other_quotas import OtherQuotas

from flygate_service.asgi.supervisor import Supervisor

from .codec import PAIRS, pack, pack_quotas, unpack
from .errors import FormatError, PeerError
from .metrics import ClusterMetrics
from .ring import Member

_PAUSE_SECONDS: Final = 1.0
# What takes long is done seldom: a hundredth of the time goes into it.
_REST_PER_WORK: Final = 100
# Looking through more buckets than some 30,000 would keep requests waiting.
_LARGEST_TABLE_BYTES: Final = 1_048_576
# A copy owes this much less: however late it comes, it refuses no client that the bucket serves.
_MARGIN_NS: Final = 250_000_000
# The same debt, looked at twice, differs by the time between two looks at a clock.
_SAME_NS: Final = 50_000_000


class Courier(Protocol):
    """How copies travel."""

    async def copy(self, member: Member, message: bytes) -> None:
        """Bring a message to a machine, or raise PeerError."""
        ...


class Copies:
    """Sends the others every second what was charged here, and keeps what they send.

    A machine that is killed or suspended hands nothing over. With copies, a client that it
    refused is refused by its next machine, too, and gets no more than a second or two refill.

    Args:
        store: where the buckets are; None if they are not in this machine's memory.
        peers: those whose buckets are in their own memory.
        courier: the way to them.
        metrics: counts.
        quotas: what the buckets were filled by; it goes with them.
        clock: nanoseconds, monotonic.
    """

    def __init__(
        self,
        store: InstantStore | None,
        peers: Callable[[], list[Member]],
        courier: Courier,
        metrics: ClusterMetrics,
        quotas: OtherQuotas | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Send nothing yet."""
        self._store = store
        self._peers = peers
        self._courier = courier
        self._metrics = metrics
        self._clock = clock
        self._quotas = quotas
        self._work_seconds = 0.0
        # When buckets will be full, as far as the others know it: by a message to or from them.
        # So nothing is sent twice, and nothing comes back where an operator has just reset it.
        self._known: dict[int, int] = {}

    @asynccontextmanager
    async def running(self, supervisor: Supervisor) -> AsyncIterator[None]:
        """Send copies in the background, until the context ends."""
        async with supervisor.background("telling copies", self._send_forever):
            yield

    async def send(self) -> None:
        """Send all others what was charged here since the last message."""
        store, peers = self._store, self._peers()
        if store is None or not peers or store.memory_bytes > _LARGEST_TABLE_BYTES:
            return
        now = self._clock()
        news = self._news(store.export_now(), now)
        self._work_seconds = (self._clock() - now) / 1e9
        if not news.owed:
            return
        [message] = pack(_lessened(news))
        if self._quotas is not None:
            message += b"".join(pack_quotas(self._quotas.notices()))
        if all(await asyncio.gather(*(self._bring(peer, message) for peer in peers))):
            self._note(news, now)
            self._metrics.sent(len(news.owed))

    def keep(self, data: bytes) -> None:
        """Take over what another machine sends; where both have one, the later time wins.

        What this version does not understand is ignored, and counted.
        """
        store, now = self._store, self._clock()
        if store is None:
            return
        try:
            for message in unpack(data):
                if isinstance(message, Snapshot):
                    self._metrics.kept(store.restore_now(message))
                    self._note(message, now)
                elif self._quotas is not None:
                    self._quotas.learn(message)
        except FormatError:
            self._metrics.ignored("version")
        except ForeignSnapshotError:
            self._metrics.ignored("key")

    async def _send_forever(self) -> None:
        while True:
            await asyncio.sleep(max(_PAUSE_SECONDS, _REST_PER_WORK * self._work_seconds))
            await self.send()

    def _news(self, snapshot: Snapshot, now: int) -> Snapshot:
        """Return what the others do not know; the largest debts, if it is too much at once."""
        self._known = {number: full for number, full in self._known.items() if full > now}
        known = self._known.get
        news = (
            (number, owed)
            for number, owed in snapshot.owed
            if owed > _MARGIN_NS and now + owed > known(number, 0) + _SAME_NS
        )
        return Snapshot(snapshot.seed_probe, tuple(news)).largest(PAIRS)

    def _note(self, snapshot: Snapshot, now: int) -> None:
        for number, owed in snapshot.owed:
            self._known[number] = max(self._known.get(number, 0), now + owed)

    async def _bring(self, peer: Member, message: bytes) -> bool:
        try:
            await self._courier.copy(peer, message)
        except PeerError:
            return False
        return True


def _lessened(snapshot: Snapshot) -> Snapshot:
    owed = tuple((number, owed - _MARGIN_NS) for number, owed in snapshot.owed)
    return Snapshot(snapshot.seed_probe, owed)
