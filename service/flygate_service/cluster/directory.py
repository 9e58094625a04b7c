"""Who is there: the machines of this process group, by the private DNS of Fly."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
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
        """Return all started machines of the group, those that are cordoned, too.

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
    """Asks `vms.<app>.internal`, `<group>.process.<app>.internal`, `<id>.vm.<app>.internal`.

    The answers are for 5 seconds. The first names all machines of the app, the second the
    addresses of the group's, and the third says whose these are; it is asked once for each
    machine, and again while an address of the group is none's that is known. Where the second
    does not answer, none is left out but those that were known to be of other groups.

    Args:
        app: the name of the Fly app.
        group: the process group of this machine; "" for all machines of the app.
        server: the address and the port of the name server; None for the system's.
    """

    def __init__(self, app: str, group: str = "", server: tuple[str, int] | None = None) -> None:
        """Ask nothing yet."""
        self._app = app
        self._group = group
        self._addresses: dict[str, IPv6Address] = {}
        self._others: frozenset[str] = frozenset()
        self._resolver = dns.asyncresolver.Resolver(configure=server is None)
        if server is not None:
            self._resolver.nameservers = [server[0]]
            self._resolver.port = server[1]

    async def machines(self) -> list[Member]:
        """Return all started machines of the group."""
        named, ours = await asyncio.gather(self._named(), self._of_group())
        if ours:
            self._others = await self._outside({member.id for member in named}, ours)
        return [member for member in named if member.id not in self._others]

    async def address(self, machine: str) -> str:
        """Return the private address of a machine."""
        found = await self._found(machine)
        # The local Fly's machines have IPv4 addresses, written as IPv6.
        return str(found.ipv4_mapped) if found.ipv4_mapped else f"[{found}]"

    async def _named(self) -> list[Member]:
        answer = await self._ask(f"vms.{self._app}.internal.", "TXT")
        # A long text comes in pieces of 255 bytes, which are cut anywhere.
        text = b"".join(piece for record in answer for piece in record.strings)
        return parse_machines(text.decode("latin-1"))

    async def _of_group(self) -> frozenset[IPv6Address]:
        """Return the addresses of the group's machines; none if they are not known."""
        if self._group:
            with suppress(DirectoryError):
                answer = await self._ask(f"{self._group}.process.{self._app}.internal.", "AAAA")
                return frozenset(IPv6Address(record.address) for record in answer)
        return frozenset()

    async def _outside(self, named: set[str], ours: frozenset[IPv6Address]) -> frozenset[str]:
        """Return which machines have none of the group's addresses.

        One whose address is not known may be of the group.
        """
        self._addresses = {id_: one for id_, one in self._addresses.items() if id_ in named}
        await self._look_up(named - self._addresses.keys())
        if ours - {*self._addresses.values()}:  # a machine has moved to another address
            await self._look_up(id_ for id_, one in self._addresses.items() if one not in ours)
        return frozenset(id_ for id_, one in self._addresses.items() if one not in ours)

    async def _look_up(self, machines: Iterable[str]) -> None:
        await asyncio.gather(*map(self._learn, machines))

    async def _learn(self, machine: str) -> None:
        with suppress(DirectoryError):  # it may have just stopped
            await self._found(machine)

    async def _found(self, machine: str) -> IPv6Address:
        answer = await self._ask(f"{machine}.vm.{self._app}.internal.", "AAAA")
        found = self._addresses[machine] = IPv6Address(answer[0].address)
        return found

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
