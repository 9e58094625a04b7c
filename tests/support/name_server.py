"""A name server on loopback, with records that a test sets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


@dataclass(slots=True)
class NameServer:
    """Answers over UDP.

    Attributes:
        records: by name and type, such as `vms.demo.internal. TXT`; what is not there does not
            exist.
        is_silent: it answers nothing at all.
        asked: what it was asked so far.
        port: where it listens.
    """

    records: dict[str, list[str]] = field(default_factory=dict)
    is_silent: bool = False
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def answer(self, question: bytes) -> bytes | None:
        """The answer to a question, in the wire's form."""
        message = dns.message.from_wire(question)
        [wanted] = message.question
        kind = dns.rdatatype.to_text(wanted.rdtype)
        self.asked.append(f"{wanted.name} {kind}")
        found = self.records.get(self.asked[-1])
        answer = dns.message.make_response(message)
        if found is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif found:
            answer.answer.append(dns.rrset.from_text_list(wanted.name, 5, "IN", kind, found))
        return None if self.is_silent else answer.to_wire()


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if answer := self._server.answer(data):
            self._transport.sendto(answer, addr)


@asynccontextmanager
async def name_server() -> AsyncIterator[NameServer]:
    """One that knows nothing yet."""
    server = NameServer()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Protocol(server), local_addr=("127.0.0.1", 0)
    )
    server.port = transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()
