"""Who takes part: the machines of the DNS that were admitted and are not about to stop."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

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
        affinity: it wants each client to have one machine.
        store: names the store that it has in common with others; "" if it has its own.
    """

    admitted: bool = False
    draining: bool = False
    affinity: bool = True
    store: str = ""


_OWN: Final = Status()


class Members:
    """The members as this machine knows them; the last known ones while nobody can say.

    Args:
        me: this machine, which is always one of them.
        directory: tells which machines run.
        ask: what a machine says of itself; raises PeerError.
        seed: the ring's.
        told: what this machine says of itself, as far as it never changes.

    Attributes:
        ring: of those who own clients now.
        count: how many these are; 0 until somebody said.
        is_sticky: whether each client has one machine: as long as any member wants that. So while
            machines with one store follow those that each have their own, no client has two.
        is_split: whether members have different stores.
    """

    def __init__(
        self,
        me: Member,
        directory: Directory,
        ask: Callable[[Member], Awaitable[Status]],
        seed: bytes = b"",
        told: Status = _OWN,
    ) -> None:
        """Alone."""
        self._me = me
        self._directory = directory
        self._ask = ask
        self._seed = seed
        self._told = told
        self._known: dict[Member, Status] = {}
        self._is_leaving = False
        self.ring = Ring([me], seed)
        self.count = 0
        self.is_sticky = told.affinity
        self.is_split = False

    @property
    def peers(self) -> list[Member]:
        """The other machines that will stay, admitted or not yet."""
        return list(self.stores)

    @property
    def stores(self) -> dict[Member, str]:
        """The other machines that will stay, and the names of their stores."""
        return {member: told.store for member, told in self._known.items() if not told.draining}

    def status(self, admitted: bool, draining: bool) -> Status:
        """What the others are told."""
        return replace(self._told, admitted=admitted, draining=draining)

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
        told = {member: self._known[member] for member in self.peers}
        told = {member: status for member, status in told.items() if status.admitted}
        if not (self._is_leaving and told):
            told[self._me] = self._told
        if told.keys() != set(self.ring.members):
            self.ring = Ring(told, self._seed)
        self.count = len(told)
        self.is_sticky = any(status.affinity for status in told.values())
        stores = {status.store for status in told.values()}
        self.is_split = len(told) > 1 and (len(stores) > 1 or "" in stores)
