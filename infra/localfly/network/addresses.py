"""Where a machine listens: a loopback address for it alone, or mapped ports where there is none.

All of the local Fly's sockets go through `loopback_socket`, which refuses any other address.
"""

import hashlib
import ipaddress
import socket
from collections.abc import Collection

from localfly.errors import StartupError


def address_of(machine_id: str, taken: Collection[str]) -> str:
    """Return the machine's 127.x.y.z, derived from its id; the next candidate if that is taken."""
    for attempt in range(256):
        digest = hashlib.blake2b(f"{machine_id}/{attempt}".encode(), digest_size=3).digest()
        # 127.0.*.* stays free for other programs; .0 and .255 look odd in other tools.
        address = f"127.{digest[0] % 254 + 1}.{digest[1]}.{digest[2] % 254 + 1}"
        if address not in taken:
            return address
    raise StartupError("no free loopback address for another machine")


def can_bind(address: str) -> bool:
    """Return whether this system allows to listen there (macOS has 127.0.0.1 only)."""
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True


def free_port(address: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def loopback_socket(address: str, port: int) -> socket.socket:
    """Open a listening socket on a loopback address.

    Raises:
        OSError: the port is in use.
    """
    _check(address)
    # The protocol by name: asyncio turns Nagle's algorithm off only where it reads TCP here, and
    # with it on, an answer in two writes waits 40 ms for the peer's delayed acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(1024)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def loopback_datagrams(address: str, port: int) -> socket.socket:
    """Open a UDP socket on a loopback address.

    Raises:
        OSError: the port is in use.
    """
    _check(address)
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        receiver.bind((address, port))
        receiver.setblocking(False)
    except OSError:
        receiver.close()
        raise
    return receiver


def _check(address: str) -> None:
    if not ipaddress.ip_address(address).is_loopback:
        raise StartupError(f"the local Fly listens on loopback only, not on {address}")
