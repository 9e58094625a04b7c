"""A closed loop of HTTP requests, light enough that the server is what limits it."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Self, cast

# Gives the next request.
Ask = Callable[[], bytes]

_GET: Final = b"GET /items/1 HTTP/1.1\r\nhost: bench\r\n\r\n"
_NO_CONTENT: Final = b"204"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and after how long."""

    status: int
    seconds: float


class Connections:
    """Some connections to one server."""

    def __init__(self, clients: "list[_Client]") -> None:
        """Take what `open` opened."""
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

    def first(self, number: int) -> "Connections":
        """Some of them."""
        return Connections(self._clients[:number])

    async def ask_for(self, seconds: float, ask: Ask = lambda: _GET) -> list[Answer]:
        """Ask as fast as answers come, over all of them at once.

        Raises:
            ConnectionError: the server ended a connection.
        """
        end = time.perf_counter() + seconds
        await asyncio.gather(*(client.ask_until(end, ask) for client in self._clients))
        return [answer for client in self._clients for answer in client.answers]

    async def ask_once(self, ask: Ask = lambda: _GET) -> list[Answer]:
        """Ask once over each of them, all at once.

        Raises:
            ConnectionError: the server ended a connection.
        """
        return await self.ask_for(0, ask)


async def load(address: str, port: int, connections: int, seconds: float) -> list[float]:
    """Open connections and ask over them for so long; give each answer's seconds.

    Raises:
        ValueError: the target is not on loopback.
        RuntimeError: an answer was not 200.
    """
    async with Connections.open(address, port, connections) as opened:
        answers = await opened.ask_for(seconds)
    return times_of(answers)


def times_of(answers: list[Answer]) -> list[float]:
    """The seconds of answers.

    Raises:
        RuntimeError: one was not 200.
    """
    other = {answer.status for answer in answers} - {200}
    if other:
        raise RuntimeError(f"expected answers with status 200 only; found {sorted(other)}, too")
    return [answer.seconds for answer in answers]


class _Client(asyncio.Protocol):
    """One connection: the next request goes out when the answer is in."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self._done: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask_until(self, end: float, ask: Ask) -> asyncio.Future[None]:
        """Ask once, and again while there is time."""
        self._done = asyncio.get_running_loop().create_future()
        self._end, self._next, self.answers = end, ask, []
        self._ask()
        return self._done

    def close(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._is_complete():
            return
        now = time.perf_counter()
        self.answers.append(Answer(int(self._received[9:12]), now - self._began))
        if now < self._end:
            self._ask()
        elif self._done and not self._done.done():
            self._done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if self._done and not self._done.done():
            self._done.set_exception(error or ConnectionError("the server ended a connection"))

    def _ask(self) -> None:
        self._received = b""
        self._began = time.perf_counter()
        self._transport.write(self._next())

    def _is_complete(self) -> bool:
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator or head[9:12] == _NO_CONTENT:
            return bool(separator)
        found = _LENGTH.search(head + b"\r\n")
        return found is not None and len(body) >= int(found[1])
