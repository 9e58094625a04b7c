"""The private DNS of the local Fly (docs/fly-api.md 6.2): `<app>.internal` and what else Fly's
resolver answers, over UDP and TCP on one loopback port.

Machines have IPv4 loopback addresses here, so A records hold them; AAAA records hold the same ones
mapped (`::ffff:127.x.y.z`), for programs that ask as they would on Fly.
"""

import asyncio
import contextlib
import struct
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from localfly.dns.zone import Addresses, Text, Zone
from localfly.machines.machine import Machine
from localfly.network.ports import DnsSockets

_TTL_SECONDS: Final = 5
_PLAIN_UDP_BYTES: Final = 512
_TCP_SECONDS: Final = 10.0
_DOMAIN: Final = dns.name.from_text("internal.")

MachinesNow = Callable[[], Iterable[Machine]]


class DnsServer:
    """Answers from the present state of the machines.

    Args:
        machines: all that exist.
        apps: their names.
        home: the region of a client that is no machine.
        cut_off: machines that are cut off from the DNS, by id: they get no answer, and are in none.
    """

    def __init__(
        self,
        machines: MachinesNow,
        apps: Callable[[], Collection[str]],
        home: str,
        cut_off: Collection[str] = frozenset(),
    ) -> None:
        self._machines = machines
        self._apps = apps
        self._home = home
        self._cut_off = cut_off
        self._server: asyncio.Server | None = None
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, sockets: DnsSockets) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), sock=sockets.udp
        )
        self._server = await asyncio.start_server(self._serve_stream, sock=sockets.tcp)

    def close(self) -> None:
        if self._transport:
            self._transport.close()
        if self._server:
            self._server.close()

    def answer(self, query: bytes, asker: str, *, over_udp: bool) -> bytes | None:
        """Return the answer's bytes; None where none is sent."""
        try:
            requested = dns.message.from_wire(query)
        except dns.exception.DNSException:
            return None
        machine = next((m for m in self._machines() if m.exists and m.address == asker), None)
        if requested.flags & dns.flags.QR or (machine and machine.id in self._cut_off):
            return None
        answer = self._answer(requested, machine.region if machine else self._home)
        size = max(requested.payload, _PLAIN_UDP_BYTES) if over_udp else 65535
        return _wire(answer, size)

    def _answer(self, requested: dns.message.Message, here: str) -> dns.message.Message:
        answer = dns.message.make_response(requested, recursion_available=True)
        question = requested.question[0] if len(requested.question) == 1 else None
        if question is None or requested.opcode() != dns.opcode.QUERY:
            answer.set_rcode(dns.rcode.NOTIMP)
        elif question.rdclass != dns.rdataclass.IN or not question.name.is_subdomain(_DOMAIN):
            answer.set_rcode(dns.rcode.REFUSED)  # the local Fly resolves no names of the internet
        else:
            self._fill(answer, question, here)
        return answer

    def _fill(self, answer: dns.message.Message, question: dns.rrset.RRset, here: str) -> None:
        labels = question.name.relativize(_DOMAIN).to_text(omit_final_dot=True).lower().split(".")
        known = [m for m in self._machines() if m.exists and m.id not in self._cut_off]
        found = Zone(known, self._apps(), here).find(labels)
        if found is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif records := _records(found, question.rdtype):
            kind = dns.rdatatype.to_text(question.rdtype)
            answer.answer.append(
                dns.rrset.from_text_list(question.name, _TTL_SECONDS, "IN", kind, records)
            )

    async def _serve_stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer over TCP what no datagram holds."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            async with asyncio.timeout(_TCP_SECONDS):
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                query = await reader.readexactly(length)
            asker = writer.get_extra_info("peername")[0]
            if answer := self.answer(query, asker, over_udp=False):
                writer.write(struct.pack("!H", len(answer)) + answer)
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._server.answer(data, addr[0], over_udp=True)
        if answer and self._transport:
            self._transport.sendto(answer, addr)


def _records(found: Addresses | Text, kind: dns.rdatatype.RdataType) -> Sequence[str]:
    if isinstance(found, Text):
        return [found.quoted()] if kind == dns.rdatatype.TXT and found.value else []
    if kind == dns.rdatatype.A:
        return found.values
    if kind == dns.rdatatype.AAAA:
        return [f"::ffff:{address}" for address in found.values]
    return []


def _wire(answer: dns.message.Message, size: int) -> bytes:
    """Encode the message; truncate it if it is too large (the client asks again by TCP)."""
    try:
        return answer.to_wire(max_size=size)
    except dns.exception.TooBig:
        answer.answer.clear()
        answer.flags |= dns.flags.TC
        return answer.to_wire(max_size=size)
