"""Heads of requests and answers on their way through the proxy (docs/fly-api.md 6.3)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

Headers = list[tuple[bytes, bytes]]

# RFC 9110, 7.6.1: these end at each hop.
_HOP_BY_HOP: Final = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate"),
        *(b"proxy-authorization", b"te", b"trailer", b"transfer-encoding", b"upgrade"),
    }
)
# Set by the proxy alone: what a client sends there is not passed on.
_PROXY_ONLY: Final = frozenset(
    {
        *(b"fly-client-ip", b"fly-forwarded-port", b"fly-region", b"fly-request-id"),
        *(b"fly-replay-src", b"fly-replay-failed", b"fly-replay-cache-status"),
        *(b"fly-preferred-instance-unavailable", b"x-forwarded-proto", b"x-forwarded-ssl"),
    }
)
# `Connection` does not reach these, whatever it says: without its length, or its host, the next
# machine would take the end of a request for another one.
_END_TO_END: Final = frozenset(
    {
        *(b"content-length", b"host", b"close", b"keep-alive"),
        *(b"transfer-encoding", b"upgrade"),  # written anew by the proxy
    }
)
_APPENDED: Final = frozenset({b"x-forwarded-for", b"via", b"x-forwarded-port"})
# Not Fly's: the region that a client is in, as all clients are on this computer.
REGION_HEADER: Final = b"fly-local-region"
_NOT_FORWARDED: Final = _HOP_BY_HOP | _PROXY_ONLY | _APPENDED | {b"expect", REGION_HEADER}
_NOT_RETURNED: Final = _HOP_BY_HOP | {b"server", b"via", b"fly-request-id"}
_PRISTINE_NOT_RETURNED: Final = _HOP_BY_HOP

VIA: Final = b"1.1 fly.io"
SERVER: Final = b"Fly/local"


@dataclass(slots=True)
class RequestHead:
    """A request's first lines, parsed."""

    method: bytes = b""
    target: bytes = b""
    version: str = "1.1"
    headers: Headers = field(default_factory=list)  # names in lower case
    is_chunked: bool = False
    keeps_alive: bool = True
    expects_continue: bool = False
    upgrade: bytes = b""
    size: int = 0
    content_length: int = 0
    fly: dict[bytes, bytes] = field(default_factory=dict)  # the headers that select a machine

    def value(self, name: bytes) -> bytes:
        """Return the header's first value; empty if it is absent."""
        for found, value in self.headers:
            if found == name:
                return value
        return b""


@dataclass(frozen=True, slots=True)
class Edge:
    """Where a request came in."""

    peer: bytes
    port: bytes
    address: bytes
    region: str


def forwarded_request(
    head: RequestHead, edge: Edge, request_id: bytes, added: bytes = b""
) -> bytes:
    """Return the head that a machine gets. `Fly-Client-IP` is always the real peer."""
    kept: list[bytes] = []
    appended: dict[bytes, bytes] = {}
    dropped = _nominated(head.headers)
    for name, value in head.headers:
        if name in _APPENDED:
            appended[name] = appended[name] + b", " + value if name in appended else value
        elif name not in _NOT_FORWARDED and name not in dropped:
            kept.append(b"%b: %b\r\n" % (name, value))
    if head.upgrade:
        kept.append(b"connection: upgrade\r\nupgrade: %b\r\n" % head.upgrade)
    elif head.is_chunked:
        kept.append(b"transfer-encoding: chunked\r\n")
    if added:
        kept.append(added)
    return b"%b %b HTTP/1.1\r\n%b%b\r\n" % (
        head.method,
        head.target,
        b"".join(kept),
        _fly_headers(appended, edge, request_id),
    )


def returned_response(
    status_line: bytes, headers: Headers, framing: bytes, added: Iterable[bytes], pristine: bool
) -> bytes:
    """Return the head that the client gets."""
    dropped = _PRISTINE_NOT_RETURNED if pristine else _NOT_RETURNED
    nominated = _nominated(headers)
    lines = [
        b"%b: %b\r\n" % (name, value)
        for name, value in headers
        if name not in dropped and name not in nominated
    ]
    return b"".join([status_line, *lines, *added, framing, b"\r\n"])


def _fly_headers(appended: dict[bytes, bytes], edge: Edge, request_id: bytes) -> bytes:
    client_chain = appended.get(b"x-forwarded-for")
    chain = b"%b, %b" % (edge.peer, edge.address)
    via = appended.get(b"via")
    return (
        b"fly-client-ip: %b\r\nx-forwarded-for: %b\r\nfly-forwarded-port: %b\r\n"
        b"x-forwarded-proto: http\r\nx-forwarded-port: %b\r\nx-forwarded-ssl: off\r\n"
        b"fly-region: %b\r\nfly-request-id: %b\r\nvia: %b\r\n"
    ) % (
        edge.peer,
        b"%b, %b" % (client_chain, chain) if client_chain else chain,
        edge.port,
        appended.get(b"x-forwarded-port", edge.port),
        edge.region.encode(),
        request_id,
        b"%b, %b" % (via, VIA) if via else VIA,
    )


def _nominated(headers: Headers) -> frozenset[bytes]:
    """Return the headers that the lines of `Connection` declare to be of this hop only."""
    lines = [value for name, value in headers if name == b"connection"]
    if not lines:
        return frozenset()
    return frozenset(word.strip().lower() for word in b",".join(lines).split(b",")) - _END_TO_END
