"""Who is there: the app's machines, by the private DNS of Fly."""

from ipaddress import IPv6Address
from typing import Protocol

import dns.asyncresolver
import dns.exception
import dns.rdatatype
import dns.resolver

from .errors import DirectoryError
from .ring import Member

_SECONDS = 2.0


class Directory(Protocol):
    """Knows which machines run, and where."""

    async def machines(self) -> list[Member]:
        """Return all started machines of the app, those that are cordoned, too.

        Raises:
            DirectoryError: the directory does not answer.
        """
        ...

    async def address(self, machine: str) -> str:
        """Return the private address of a machine, as it stands in a URL.

        Raises:
            DirectoryError: it has none, or the directory does not answer.
        """
        ...


class DnsDirectory:
    """Asks `vms.<app>.internal` and `<id>.vm.<app>.internal`; the answers are for 5 seconds.

    Args:
        app: the name of the Fly app.
        server: the address and the port of the name server; None for the system's.
    """

    def __init__(self, app: str, server: tuple[str, int] | None = None) -> None:
        """Ask nothing yet."""
        self._app = app
        self._resolver = dns.asyncresolver.Resolver(configure=server is None)
        if server is not None:
            self._resolver.nameservers = [server[0]]
            self._resolver.port = server[1]

    async def machines(self) -> list[Member]:
        """Return all started machines of the app."""
        answer = await self._ask(f"vms.{self._app}.internal.", "TXT")
        # A long text comes in pieces of 255 bytes, which are cut anywhere.
        text = b"".join(piece for record in answer for piece in record.strings)
        return parse_machines(text.decode("latin-1"))

    async def address(self, machine: str) -> str:
        """Return the private address of a machine."""
        answer = await self._ask(f"{machine}.vm.{self._app}.internal.", "AAAA")
        found = IPv6Address(answer[0].address)
        # The local Fly's machines have IPv4 addresses, written as IPv6.
        return str(found.ipv4_mapped) if found.ipv4_mapped else f"[{found}]"

    async def _ask(self, name: str, kind: str) -> dns.resolver.Answer:
        try:
            return await self._resolver.resolve(name, kind, lifetime=_SECONDS)
        except (dns.exception.DNSException, OSError) as exc:
            raise DirectoryError(f"{name} {kind}: the DNS says {exc}") from exc


def parse_machines(text: str) -> list[Member]:
    """Read `<id> <region>,<id> <region>`.

    Raises:
        DirectoryError: it is another form, or names no machine: the one that asks runs, at least.
    """
    members = []
    for part in filter(None, text.split(",")):
        words = part.split()
        if len(words) != 2:
            raise DirectoryError(f"expected pairs of a machine and a region; found {part!r}")
        members.append(Member(words[0], words[1]))
    if not members:
        raise DirectoryError("the DNS names no machine, not even this one")
    return members
