"""Moves buckets from one machine to another, as time owed: at a stop, and at a start."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Protocol

from flygate_limiter import ForeignSnapshotError, Snapshot
from flygate_limiter.reload.other_quotas import OtherQuotas
from flygate_limiter.store.snapshot import Portable

from .codec import pack, pack_quotas, unpack
from .errors import FormatError, PeerError
from .metrics import ClusterMetrics
from .ring import Member

# Of each at least one machine must be reached.
Groups = list[list[Member]]


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

    Each machine gets all of them. Which one owns a client next depends on which run then, and a
    bucket that no request charges becomes idle by itself. Of machines with a common store any one
    will do, and those that share this machine's store need nothing.

    Args:
        store: where the buckets are; None if they can't be moved.
        peers: who is there, with the name of its store; "" is its own.
        common: the name of this machine's store.
        carrier: the way to the peers.
        metrics: counts.
        quotas: what the buckets were filled by; it goes with them.

    Attributes:
        seconds: the longest that giving or taking lasts.
    """

    seconds = 2.0

    def __init__(
        self,
        store: Portable | None,
        peers: Callable[[], Mapping[Member, str]],
        common: str,
        carrier: Carrier,
        metrics: ClusterMetrics,
        quotas: OtherQuotas | None = None,
    ) -> None:
        """Move nothing yet."""
        self._store = store
        self._peers = peers
        self._common = common
        self._carrier = carrier
        self._metrics = metrics
        self._quotas = quotas

    async def messages(self) -> AsyncIterator[bytes]:
        """Return what this machine's buckets owe, and by which quotas they were filled."""
        if self._store is not None:
            async for snapshot in self._store.export():
                for message in pack(snapshot):
                    yield message
        if self._quotas is not None:
            for message in pack_quotas(self._quotas.notices()):
                yield message

    async def merge(self, data: bytes) -> None:
        """Take over what another machine's buckets owe; where both have one, the later time wins.

        What this version does not understand is ignored, and counted.
        """
        with self._counted():
            for message in unpack(data):
                if not isinstance(message, Snapshot):
                    if self._quotas is not None:
                        self._quotas.learn(message)
                elif self._store is not None:
                    self._metrics.took(await self._store.restore(message))
                await asyncio.sleep(0)  # there are requests to be served, too

    async def give(self, to: Container[str] | None = None) -> None:
        """Give everything to all others, as far as the time allows.

        Those that need nothing, since another one has taken it for their common store, get a hint:
        a machine that gives has come, or is about to go.

        Args:
            to: the ids of the machines that get it; None for all.
        """

        async def give(groups: Groups) -> None:
            messages = [message async for message in self.messages()] if groups else []

            async def push(peer: Member) -> None:
                for message in messages:
                    await self._carrier.push(peer, message)
                    self._metrics.gave()

            await self._with_each(groups, push)
            await self._with_each(self._sharers(to), self._hint)

        await self._in_time(give, self._groups(to))

    async def take(self) -> None:
        """Take everything from all others, as far as the time allows."""

        async def pull(peer: Member) -> None:
            await self.merge(await self._carrier.pull(peer))

        await self._in_time(lambda groups: self._with_each(groups, pull), self._groups())

    def _groups(self, wanted: Container[str] | None = None) -> Groups:
        """Return the peers; of those in one group any one will do."""
        found = self._peers().items()
        peers = {m: store for m, store in found if wanted is None or m.id in wanted}
        common: defaultdict[str, list[Member]] = defaultdict(list)
        for peer, store in peers.items():
            if store and store != self._common:
                common[store].append(peer)
        return [[peer] for peer, store in peers.items() if not store] + list(common.values())

    def _sharers(self, wanted: Container[str] | None) -> Groups:
        """Return those with a common store, each by itself."""
        found = self._peers().items()
        return [[m] for m, store in found if store and (wanted is None or m.id in wanted)]

    async def _hint(self, peer: Member) -> None:
        await self._carrier.push(peer, b"")

    async def _with_each(self, groups: Groups, act: Callable[[Member], Awaitable[None]]) -> None:
        async def with_one(group: list[Member]) -> None:
            for peer in group:
                try:
                    await act(peer)
                except PeerError:
                    self._metrics.failed()
                else:
                    return

        await asyncio.gather(*map(with_one, groups))

    async def _in_time(self, move: Callable[[Groups], Awaitable[None]], groups: Groups) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.seconds):
                await move(groups)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            yield
        except FormatError:
            self._metrics.ignored("version")
        except ForeignSnapshotError:
            self._metrics.ignored("key")
