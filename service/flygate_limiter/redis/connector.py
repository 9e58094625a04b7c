"""Keeps a connection up to where the keys are, and finds out where that is after a change."""

import asyncio
from collections.abc import Callable
from typing import Final

from flygate_limiter.errors import StoreUnavailableError

from .address import RedisAddress
from .link import Link, connect

# No request waits so long, but a connection that takes longer than a budget serves later ones.
_LONGEST_SECONDS: Final = 2.0


class Connector:
    """Gives a link if there is one, and else begins to connect.

    On a Redis Cluster any node will do as the address: all keys have one hash tag, so they are on a
    single node, and the others redirect to it.

    Args:
        home: where to begin, and to return to whenever a connection is lost.
        on_up: called with each new link.
        on_failed: called when there will be none until it is asked for again.
    """

    def __init__(
        self,
        home: RedisAddress,
        on_up: Callable[[Link], None],
        on_failed: Callable[[StoreUnavailableError], None],
    ) -> None:
        """Connect to nothing yet."""
        self._home = home
        self._node = home
        self._context = home.context()
        self._on_up = on_up
        self._on_failed = on_failed
        self._link: Link | None = None
        self._connecting: asyncio.Task[Link] | None = None

    def link(self) -> Link | None:
        """Return the link; if there is none, begin to connect."""
        if self._link is not None:
            if self._link.is_open:
                return self._link
            self._move(self._home)
        if self._connecting is None:
            self._connecting = asyncio.get_running_loop().create_task(self._connect())
            self._connecting.add_done_callback(self._connected)
        return None

    async def wait(self) -> Link:
        """Return the link, when there is one.

        Raises:
            StoreUnavailableError: it cannot be had.
        """
        link = self.link()
        if link is None and self._connecting is not None:
            link = await asyncio.shield(self._connecting)
        if link is None:
            raise StoreUnavailableError("the connection to Redis is closed")
        return link

    def follow(self, link: Link, error: str) -> bool:
        """Take an error into account that may say where the keys are.

        Returns:
            Whether they are elsewhere, so that the same may be asked again there.
        """
        if error.startswith("MOVED "):
            self._leave(link, self._home.at(error.rsplit(maxsplit=1)[-1]))
            return True
        if "READONLY" in error:  # it was the primary; home may lead to the new one
            self._leave(link, self._home)
        return False

    async def aclose(self) -> None:
        """Close the connection."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        if self._link is not None:
            self._link.abort()

    async def _connect(self) -> Link:
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                return await connect(self._node, self._context)
        except TimeoutError as exc:
            seconds = f"{_LONGEST_SECONDS:g} s"
            raise StoreUnavailableError(f"no connection to Redis within {seconds}") from exc

    def _connected(self, connecting: asyncio.Task[Link]) -> None:
        self._connecting = None
        if connecting.cancelled():
            return
        error = connecting.exception()
        if error is None:
            self._link = connecting.result()
            self._on_up(self._link)
            return
        self._node = self._home
        if not isinstance(error, StoreUnavailableError):
            error = StoreUnavailableError(f"Redis cannot be asked: {error}")
        self._on_failed(error)

    def _leave(self, link: Link, node: RedisAddress) -> None:
        link.retire()
        if link is self._link:
            self._move(node)

    def _move(self, node: RedisAddress) -> None:
        self._link = None
        self._node = node
