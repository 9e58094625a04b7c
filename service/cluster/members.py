"""Who takes part: the machines of the DNS that were admitted and are not about to stop."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .directory import Directory
from .errors import DirectoryError, PeerError
from .ring import Member, Ring


@dataclass(frozen=True, slots=True)
class Status:
    """What a machine says of itself.

    Attributes:
        admitted: it has got a request through the proxy. A rollout's candidate has not, though
            the DNS tells of it.
        draining: it is about to stop.
    """

    admitted: bool = False
    draining: bool = False


class Members:
    """The members as this machine knows them; the last known ones while nobody can say.

    Args:
        me: this machine, which is always one of them.
        directory: tells which machines run.
        ask: what a machine says of itself; raises PeerError.
        seed: the ring's.

    Attributes:
        ring: of those who own clients now.
    """

    def __init__(
        self,
        me: Member,
        directory: Directory,
        ask: Callable[[Member], Awaitable[Status]],
        seed: bytes = b"",
    ) -> None:
        """Alone."""
        self._me = me
        self._directory = directory
        self._ask = ask
        self._seed = seed
        self._known: dict[Member, Status] = {}
        self._is_leaving = False
        self.ring = Ring([me], seed)

    @property
    def peers(self) -> list[Member]:
        """The other machines that will stay, admitted or not yet."""
        return [member for member, status in self._known.items() if not status.draining]

    async def refresh(self) -> bool:
        """Ask who is there, and each how it is. False if the DNS did not answer."""
        try:
            found = await self._directory.machines()
        except DirectoryError:
            return False
        others = [member for member in found if member.id != self._me.id]
        told = await asyncio.gather(*map(self._status, others))
        self._known = dict(zip(others, told, strict=True))
        self._renew()
        return True

    def leave(self) -> None:
        """Own no clients from now on, if there is anybody else."""
        self._is_leaving = True
        self._renew()

    async def _status(self, member: Member) -> Status:
        try:
            return await self._ask(member)
        except PeerError:
            # The proxy may reach it all the same; who never answered is none of us.
            return self._known.get(member, Status())

    def _renew(self) -> None:
        members = {member for member in self.peers if self._known[member].admitted}
        if not (self._is_leaving and members):
            members.add(self._me)
        if members != set(self.ring.members):
            self.ring = Ring(members, self._seed)
