"""Many requests over a few connections to a service on this computer, each with its time."""

import asyncio
import time
from dataclasses import dataclass, field
from itertools import count


@dataclass(slots=True)
class Answers:
    """What came back.

    Attributes:
        statuses: of each request, in no order.
        seconds: how long each took.
    """

    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


async def send_requests(port: int, number: int, connections: int = 16) -> Answers:
    """Send GETs to 127.0.0.1, each from another client behind Fly's proxy."""
    answers = Answers()
    clients = count()

    async def send() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (client := next(clients)) < number:
            address = f"10.{client >> 16}.{client >> 8 & 255}.{client & 255}"
            began = time.perf_counter()
            head = f"GET /items/1 HTTP/1.1\r\nhost: x\r\nfly-client-ip: {address}\r\n\r\n"
            writer.write(head.encode())
            answers.statuses.append(await _read_answer(reader))
            answers.seconds.append(time.perf_counter() - began)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(send() for _ in range(connections)))
    return answers


async def _read_answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length:")[2].split(b"\r\n")[0]
    await reader.readexactly(int(length))
    return int(head.split()[1])
