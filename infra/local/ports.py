"""The daemon's ports: as asked, else the ones it had before, else the usual ones."""

import errno
import socket
from dataclasses import dataclass

from infra.local.addresses import loopback_datagrams, loopback_socket
from infra.local.errors import StartupError
from infra.local.store import Store

ADDRESS = "127.0.0.1"
DEFAULT_API_PORT = 4280
DEFAULT_PROXY_PORT = 4290
FREE = 0

_KEY = "ports"


@dataclass(frozen=True, slots=True)
class DnsSockets:
    """One port, for both of DNS's transports."""

    udp: socket.socket
    tcp: socket.socket

    @property
    def port(self) -> int:
        return int(self.udp.getsockname()[1])

    @property
    def address(self) -> str:
        return f"{ADDRESS}:{self.port}"


@dataclass(frozen=True, slots=True)
class Listeners:
    api: socket.socket
    proxy: socket.socket
    dns: DnsSockets

    def close(self) -> None:
        for listener in (self.api, self.proxy, self.dns.udp, self.dns.tcp):
            listener.close()


def listen(store: Store, api_port: int | None, proxy_port: int | None) -> Listeners:
    """Opens the ports and remembers them. That of the DNS is any: machines are told of it.

    Args:
        api_port: a number; `FREE` for any; None for the former one or the usual one.

    Raises:
        StartupError: one is in use; the text names it and the way out.
    """
    kept = store.read(_KEY) or {}
    api = _open("api", api_port, kept.get("api"), DEFAULT_API_PORT)
    try:
        proxy = _open("proxy", proxy_port, kept.get("proxy"), DEFAULT_PROXY_PORT)
    except StartupError:
        api.close()
        raise
    dns = _open_dns(kept.get("dns"))
    opened = {"api": api.getsockname()[1], "proxy": proxy.getsockname()[1], "dns": dns.port}
    store.write(_KEY, opened)
    return Listeners(api, proxy, dns)


def _open(name: str, asked: int | None, kept: int | None, default: int) -> socket.socket:
    if asked == FREE:
        return _open_any(kept)
    port = asked or kept or default
    try:
        return loopback_socket(ADDRESS, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise StartupError(f"cannot listen on port {port} of {ADDRESS}: {error}") from error
        raise StartupError(
            f"port {port} of {ADDRESS} is in use by another program (perhaps by the local Fly of "
            f"another folder). End that program, or choose another port with --{name}-port N "
            "(0 takes any free one)."
        ) from error


def _open_any(kept: int | None) -> socket.socket:
    """A port that was used before is used again if nobody has taken it."""
    try:
        return loopback_socket(ADDRESS, kept or FREE)
    except OSError:
        return loopback_socket(ADDRESS, FREE)


def _open_dns(kept: int | None) -> DnsSockets:
    """A port that is free for both transports: the former one if it still is."""
    for port in (kept or FREE, *[FREE] * 20):
        try:
            tcp = loopback_socket(ADDRESS, port)
        except OSError:
            continue
        try:
            return DnsSockets(loopback_datagrams(ADDRESS, tcp.getsockname()[1]), tcp)
        except OSError:
            tcp.close()
    raise StartupError(f"no port of {ADDRESS} is free for both UDP and TCP (for the DNS)")
