"""A closed loop of HTTP requests, light enough that the server is what limits it."""

import asyncio
import re
import time
from ipaddress import ip_address
from typing import Final, cast

_REQUEST: Final = b"GET /items/1 HTTP/1.1\r\nhost: bench\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


async def load(address: str, port: int, connections: int, seconds: float) -> list[float]:
    """Ask as fast as answers come over so many connections; give each answer's seconds.

    Raises:
        ValueError: the target is not on loopback.
        RuntimeError: an answer was not 200.
    """
    if not ip_address(address).is_loopback:
        raise ValueError(f"a bench asks loopback addresses only; found {address}")
    loop = asyncio.get_running_loop()
    end = time.perf_counter() + seconds
    clients = [
        (await loop.create_connection(lambda: _Client(end), address, port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(client.done for client in clients))
    return [took for client in clients for took in client.times]


class _Client(asyncio.Protocol):
    """One connection: the next request goes out when the answer is in."""

    def __init__(self, end: float) -> None:
        self.times: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._end = end
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._received.startswith(b"HTTP/1.1 200"[: len(self._received)]):
            self._fail(RuntimeError(f"expected 200, found {self._received[:60]!r}"))
        elif self._is_complete():
            now = time.perf_counter()
            self.times.append(now - self._began)
            if now < self._end:
                self._ask()
            else:
                self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            if error is None:
                self.done.set_result(None)
            else:
                self.done.set_exception(error)

    def _ask(self) -> None:
        self._received = b""
        self._began = time.perf_counter()
        self._transport.write(_REQUEST)

    def _is_complete(self) -> bool:
        head, separator, body = self._received.partition(b"\r\n\r\n")
        found = _LENGTH.search(head + b"\r\n") if separator else None
        return found is not None and len(body) >= int(found[1])

    def _fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)
        self._transport.abort()
