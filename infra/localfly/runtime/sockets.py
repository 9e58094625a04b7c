"""Where processes listen, as the system shows it (/proc)."""

import socket
from dataclasses import dataclass
from pathlib import Path

from localfly.runtime.identity import HAS_PROC

_LISTENING = "0A"
_ADDRESS, _STATE, _INODE = 1, 3, 9
_TABLES = ("tcp", "tcp6")


@dataclass(frozen=True, slots=True)
class ListeningSocket:
    protocol: str
    address: str
    port: int


def listening_sockets() -> dict[str, ListeningSocket]:
    """All of this computer's, by the inode that a process's descriptors name."""
    found: dict[str, ListeningSocket] = {}
    for table in _TABLES if HAS_PROC else ():
        try:
            lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            if fields[_STATE] == _LISTENING:
                found[fields[_INODE]] = _parse(fields[_ADDRESS], table)
    return found


def inodes_of(pid: int) -> set[str]:
    """The sockets that a process holds."""
    held = set()
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            target = str(link.readlink())
            if target.startswith("socket:["):
                held.add(target[len("socket:[") : -1])
    except OSError:  # ended meanwhile, or another user's
        return held
    return held


def _parse(text: str, table: str) -> ListeningSocket:
    """Addresses are words in the byte order of the computer, in hexadecimal digits."""
    digits, _, port = text.partition(":")
    words = [bytes.fromhex(digits[start : start + 8])[::-1] for start in range(0, len(digits), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return ListeningSocket(table, socket.inet_ntop(family, b"".join(words)), int(port, 16))
