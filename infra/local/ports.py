"""The daemon's two ports: as asked, else the ones it had before, else the usual ones."""

import errno
import socket
from dataclasses import dataclass

from infra.local.addresses import loopback_socket
from infra.local.errors import StartupError
from infra.local.store import Store

ADDRESS = "127.0.0.1"
DEFAULT_API_PORT = 4280
DEFAULT_PROXY_PORT = 4290
FREE = 0

_KEY = "ports"


@dataclass(frozen=True, slots=True)
class Listeners:
    api: socket.socket
    proxy: socket.socket

    def close(self) -> None:
        self.api.close()
        self.proxy.close()


def listen(store: Store, api_port: int | None, proxy_port: int | None) -> Listeners:
    """Opens both ports and remembers them.

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
    store.write(_KEY, {"api": api.getsockname()[1], "proxy": proxy.getsockname()[1]})
    return Listeners(api, proxy)


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
