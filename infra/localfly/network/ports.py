"""The daemon's ports: the requested ones, else those that it had before, else the defaults."""

import errno
import socket
from dataclasses import dataclass
from typing import Final

from localfly.errors import OptionError, StartupError
from localfly.network.addresses import loopback_datagrams, loopback_socket
from localfly.state.store import Store

ADDRESS: Final = "127.0.0.1"
DEFAULT_API_PORT: Final = 4280
DEFAULT_PROXY_PORT: Final = 4290
FREE: Final = 0
HIGHEST: Final = 65535

_KEY: Final = "ports"


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
    """Open the ports, and keep their numbers. The DNS has any free port, which machines are given.

    Args:
        api_port: a number; `FREE` for any; None for the former one, or the default.

    Raises:
        OptionError: there is no such port, or both are the same.
        StartupError: one is in use; the message names it and the remedy.
    """
    kept = store.read(_KEY) or {}
    wanted_api = _wanted(api_port, kept.get("api"), DEFAULT_API_PORT)
    wanted_proxy = _wanted(proxy_port, kept.get("proxy"), DEFAULT_PROXY_PORT)
    check_ports(wanted_api, wanted_proxy)
    api = open_port("api", wanted_api) if wanted_api else _open_any(kept.get("api"))
    try:
        proxy = open_port("proxy", wanted_proxy) if wanted_proxy else _open_any(kept.get("proxy"))
    except StartupError:
        api.close()
        raise
    dns = _open_dns(kept.get("dns"))
    opened = {"api": api.getsockname()[1], "proxy": proxy.getsockname()[1], "dns": dns.port}
    store.write(_KEY, opened)
    return Listeners(api, proxy, dns)


def check_ports(api: int, proxy: int) -> None:
    """Check that both can be open at once, by their numbers.

    Raises:
        OptionError: they can't; the message names the option.
    """
    for name, port in (("api", api), ("proxy", proxy)):
        if not FREE <= port <= HIGHEST:
            raise OptionError(f"--{name}-port {port}: there are the ports 1 to {HIGHEST}, and 0")
    if api == proxy != FREE:
        raise OptionError(
            f"port {api} can't be the API's and the proxy's. Choose another one for the API with "
            "--api-port N, or for the proxy with --proxy-port N (0 takes any free one)."
        )


def open_port(name: str, port: int) -> socket.socket:
    """Listen on a port.

    Args:
        name: `api` or `proxy`, for the error's message.

    Raises:
        StartupError: it is in use, or the system refuses it.
    """
    try:
        return loopback_socket(ADDRESS, port)
    except OSError as exc:
        if exc.errno != errno.EADDRINUSE:
            raise StartupError(f"cannot listen on port {port} of {ADDRESS}: {exc}") from exc
        raise StartupError(
            f"port {port} of {ADDRESS} is in use by another program (perhaps by the local Fly of "
            f"another folder). End that program, or choose another port with --{name}-port N "
            "(0 takes any free one)."
        ) from exc


def _wanted(requested: int | None, kept: int | None, default: int) -> int:
    return FREE if requested == FREE else requested or kept or default


def _open_any(kept: int | None) -> socket.socket:
    """Open the port that was used before, if it is free, else any."""
    try:
        return loopback_socket(ADDRESS, kept or FREE)
    except OSError:
        return loopback_socket(ADDRESS, FREE)


def _open_dns(kept: int | None) -> DnsSockets:
    """Open a port that is free for both transports, the former one if it is."""
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
