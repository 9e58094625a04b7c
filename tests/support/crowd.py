"""Clients with an address each, who ask through the local Fly's proxy at a steady pace."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count, takewhile

import httpx

_PATIENCE_SECONDS = 20
_RELEASE = re.compile(rb'"release":"(v\d+)"')
_FAILED = 0  # in place of a status: the connection or the patience ended before the answer


@dataclass(slots=True)
class Client:
    """One client, with what it was answered.

    Attributes:
        address: 127.77.x.y.
        admitted: answers that no limit stood against.
        statuses: how often each came.
        began, ended: when it asked for the first time, and had the last answer.
        answered, asked: when it had the first answer, and asked for the last time.
        seconds: how long each answer took.
        releases: which release served it, and when (monotonic).
    """

    address: str
    region: str = ""
    keeps_cookies: bool = True
    admitted: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    began: float = 0.0
    ended: float = 0.0
    answered: float = 0.0
    asked: float = 0.0
    seconds: list[float] = field(default_factory=list)
    cookie: str = ""
    releases: list[tuple[float, str]] = field(default_factory=list)

    def allowance(self, per_second: float, burst: int) -> float:
        """The most that a limit lets through: all was decided on between these moments."""
        return burst + per_second * (self.ended - self.began)

    def claim(self, per_second: float, burst: int) -> float:
        """The least that a limit lets through: the first and the last were decided on outside."""
        return burst + per_second * (self.asked - self.answered)


class Crowd:
    """Some clients of one app.

    Args:
        proxy_url: the proxy's.
        app: whose host name they ask for.
        number: how many.
        pace: requests a second of each.
        regions: where they are, in turn; none: where the local Fly is.
        row: the third number of their addresses.
    """

    def __init__(
        self,
        proxy_url: str,
        app: str,
        number: int,
        pace: float,
        *,
        keeps_cookies: bool = True,
        regions: Sequence[str] = ("",),
        row: int = 0,
    ) -> None:
        """Ask nothing yet."""
        url = httpx.URL(proxy_url)
        assert url.host == "127.0.0.1", f"tests talk to loopback only, not to {url}"
        self._port = url.port or 80
        self._host = f"{app}.localhost"
        self._pace = pace
        self.clients = [
            Client(f"127.77.{row}.{n + 1}", regions[n % len(regions)], keeps_cookies)
            for n in range(number)
        ]

    async def ask_for(self, seconds: float) -> None:
        """Let all of them ask for so long; they may be asked to again."""
        await self._ask_all(lambda number: number < round(seconds * self._pace))

    async def ask_until(self, end: asyncio.Event, seconds: float = 0) -> None:
        """Let all of them ask until something has happened, and for so long at least."""
        await self._ask_all(lambda number: not end.is_set() or number < round(seconds * self._pace))

    def statuses(self) -> Counter[int]:
        """How often each status came, to any client."""
        return sum((client.statuses for client in self.clients), Counter())

    async def _ask_all(self, goes_on: Callable[[int], bool]) -> None:
        number = len(self.clients)
        await asyncio.gather(
            *(
                self._run(client, goes_on, place / number / self._pace)
                for place, client in enumerate(self.clients)
            )
        )

    async def _run(self, client: Client, goes_on: Callable[[int], bool], delay: float) -> None:
        await asyncio.sleep(delay)
        begin = time.monotonic()
        client.began = client.began or begin
        wire: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        for number in takewhile(goes_on, count()):
            await asyncio.sleep(max(0.0, begin + number / self._pace - time.monotonic()))
            if wire is None:
                wire = await asyncio.open_connection(
                    "127.0.0.1", self._port, local_addr=(client.address, 0)
                )
            if not await self._ask(client, *wire):
                wire[1].close()
                wire = None
        client.ended = time.monotonic()
        if wire:
            wire[1].close()

    async def _ask(
        self, client: Client, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """One request; False if the connection is of no more use."""
        began = time.monotonic()
        cookie = f"cookie: {client.cookie}\r\n" if client.cookie else ""
        region = f"fly-local-region: {client.region}\r\n" if client.region else ""
        writer.write(f"GET / HTTP/1.1\r\nhost: {self._host}\r\n{region}{cookie}\r\n".encode())
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
                body = await reader.readexactly(int(fields.get("content-length", 0)))
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            client.statuses[_FAILED] += 1
            return False
        client.asked, now = began, time.monotonic()
        client.answered = client.answered or now
        client.seconds.append(now - began)
        status = int(head.split()[1])
        client.statuses[status] += 1
        client.admitted += status != 429
        if found := _RELEASE.search(body):
            client.releases.append((time.monotonic(), found[1].decode()))
        if client.keeps_cookies and "set-cookie" in fields:
            client.cookie = fields["set-cookie"].partition(";")[0]
        return fields.get("connection") != "close"
