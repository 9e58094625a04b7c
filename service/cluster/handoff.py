"""Moves buckets from one machine to another, as time owed: at a stop, and at a start."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, Protocol

from service.limiter import ForeignSnapshot, MemoryStore, Snapshot

from .errors import FormatError, PeerError
from .messages import pack, unpack
from .metrics import ClusterMetrics
from .ring import Member

_SECONDS: Final = 2.0


class Carrier(Protocol):
    """How buckets travel."""

    async def push(self, member: Member, message: bytes) -> None:
        """Give a message to a machine, or raise PeerError."""
        ...

    async def pull(self, member: Member) -> bytes:
        """Get all messages of a machine, or raise PeerError."""
        ...


class Handoff:
    """Gives this machine's buckets to the others, and takes theirs; as often as one likes.

    Everybody gets all of them. Who owns a client next depends on who will be there then, and a
    bucket that nobody asks for goes idle by itself.

    Args:
        store: where the buckets are; None if they are not in this machine's memory.
        peers: who is there.
        carrier: the way to them.
        metrics: counts.
        seconds: the longest that giving or taking lasts.
    """

    def __init__(
        self,
        store: MemoryStore | None,
        peers: Callable[[], list[Member]],
        carrier: Carrier,
        metrics: ClusterMetrics,
        seconds: float = _SECONDS,
    ) -> None:
        """Move nothing yet."""
        self._store = store
        self._peers = peers
        self._carrier = carrier
        self._metrics = metrics
        self._seconds = seconds

    def messages(self) -> list[bytes]:
        """What this machine's buckets owe; none if they are elsewhere."""
        return list(pack(self._store.export())) if self._store else []

    def merge(self, message: bytes) -> None:
        """Take over what another machine's buckets owe; where both have one, the later time wins.

        What this version does not understand is ignored, and counted.
        """
        with self._counted():
            for snapshot in unpack(message):
                self._restore(snapshot)

    async def give(self) -> None:
        """Give everything to everybody, as far as the time allows."""
        messages = self.messages()

        async def give(peer: Member) -> None:
            for message in messages:
                await self._carrier.push(peer, message)
                self._metrics.gave()

        await self._with_all(give)

    async def take(self) -> None:
        """Take everything from everybody, as far as the time allows."""

        async def take(peer: Member) -> None:
            data = await self._carrier.pull(peer)
            with self._counted():
                for snapshot in unpack(data):
                    self._restore(snapshot)
                    await asyncio.sleep(0)  # there are requests to be served, too

        await self._with_all(take)

    def _restore(self, snapshot: Snapshot) -> None:
        if self._store is not None:
            self._metrics.took(self._store.restore(snapshot))

    @contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            yield
        except FormatError:
            self._metrics.ignored("version")
        except ForeignSnapshot:
            self._metrics.ignored("key")

    async def _with_all(self, act: Callable[[Member], Awaitable[None]]) -> None:
        async def attempt(peer: Member) -> None:
            try:
                await act(peer)
            except PeerError:
                self._metrics.failed()

        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                await asyncio.gather(*map(attempt, self._peers()))
