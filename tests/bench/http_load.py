"""A closed loop of HTTP requests, light enough that the server is what limits it."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Final, Self, cast

GET: Final = b"GET /items/1 HTTP/1.1\r\nhost: bench\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


class Connections:
    """Some connections to one server."""

    def __init__(self, clients: "list[_Client]") -> None:
        self._clients = clients

    @classmethod
    @asynccontextmanager
    async def open(cls, address: str, port: int, number: int) -> AsyncIterator[Self]:
        """Connect so often.

        Raises:
            ValueError: the target is not on loopback.
        """
        if not ip_address(address).is_loopback:
            raise ValueError(f"a bench asks loopback addresses only; found {address}")
        loop = asyncio.get_running_loop()
        clients = [(await loop.create_connection(_Client, address, port))[1] for _ in range(number)]
        try:
            yield cls(clients)
        finally:
            for client in clients:
                client.close()

    async def ask_for(self, seconds: float, request: bytes = GET) -> list[float]:
        """Ask as fast as answers come, all at once; give each answer's seconds.

        Raises:
            RuntimeError: an answer was not 200.
        """
        end = time.perf_counter() + seconds
        await asyncio.gather(*(client.ask_until(end, request) for client in self._clients))
        return [took for client in self._clients for took in client.times]

    async def ask_once(self, request: bytes = GET) -> list[float]:
        """Ask once over each, all at once; give each answer's seconds.

        Raises:
            RuntimeError: an answer was not 200.
        """
        return await self.ask_for(0, request)


async def load(address: str, port: int, connections: int, seconds: float) -> list[float]:
    """Open connections, and ask over them as `Connections.ask_for`."""
    async with Connections.open(address, port, connections) as opened:
        return await opened.ask_for(seconds)


class _Client(asyncio.Protocol):
    """One connection: the next request goes out when the answer is in."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._done: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask_until(self, end: float, request: bytes) -> asyncio.Future[None]:
        """Ask once, and again while there is time."""
        self._done = asyncio.get_running_loop().create_future()
        self._end, self._request, self.times = end, request, []
        self._ask()
        return self._done

    def close(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._received.startswith(b"HTTP/1.1 200"[: len(self._received)]):
            self._end_with(RuntimeError(f"expected 200, found {self._received[:60]!r}"))
        elif self._is_complete():
            now = time.perf_counter()
            self.times.append(now - self._began)
            if now < self._end:
                self._ask()
            else:
                self._end_with(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._end_with(error or ConnectionError("the server closed the connection"))

    def _ask(self) -> None:
        self._received = b""
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def _is_complete(self) -> bool:
        head, separator, body = self._received.partition(b"\r\n\r\n")
        found = _LENGTH.search(head + b"\r\n") if separator else None
        return found is not None and len(body) >= int(found[1])

    def _end_with(self, error: Exception | None) -> None:
        if self._done is None or self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)
            self._transport.abort()
