"""Who takes part: the machines of this process group that were admitted and won't stop soon."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from flygate_wire.share_order import ShareOrder

from .directory import Directory
from .errors import DirectoryError, PeerError, PeerGoneError
from .ring import Member
from .shared_ring import ring_of

# Takes the ids of machines.
Welcome = Callable[[set[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Contact:
    """A machine that answers, and where: for those to which the DNS does not name it."""

    id: str
    region: str
    address: str

    @property
    def member(self) -> Member:
        """As the DNS would name it."""
        return Member(self.id, self.region)


@dataclass(frozen=True, slots=True)
class Status:
    """What a machine says of itself.

    Attributes:
        admitted: it has got a request through the proxy. A rollout's candidate has not, though
            the DNS names it.
        draining: it is about to stop.
        affinity: it wants each client to have one machine.
        store: names the store that it has in common with others; "" if it has its own.
        group: its process group; "" where it does not say.
        order: by which two releases share the clients, as far as it knows.
        contacts: the other machines that answer it.
    """

    admitted: bool = False
    draining: bool = False
    affinity: bool = True
    store: str = ""
    group: str = ""
    order: ShareOrder | None = None
    contacts: tuple[Contact, ...] = ()


_OWN: Final = Status()


class Members:
    """The members as this machine knows them; the last known ones while the DNS is silent.

    The DNS need not name all of them: it may not reach a machine that the proxy still reaches. A
    machine that answers stays, and those that answer name each other. So one machine that has no
    DNS and all others agree on the owner of each client.

    One that answers and is of another process group is none of them, even if others name it: the
    proxy can't replay a request from one group's service to another's.

    Args:
        me: this machine, which is always one of them.
        directory: knows which machines run.
        ask: what a machine says of itself; raises PeerError.
        seed: the ring's.
        status: what this machine says of itself, as far as it never changes.
        address: where another machine was reached; "" if it was not.

    Attributes:
        ring: of those who own clients now.
        count: how many these are; 0 until it is known.
        is_sticky: whether each client has one machine: as long as any member wants that. So while
            machines with one store follow those that each have their own, no client has two.
        is_split: whether members have different stores.
        silent: how many machines the DNS names for this group that did not answer as ours do.
        order: by which two releases share the clients; None without an order.
    """

    def __init__(
        self,
        me: Member,
        directory: Directory,
        ask: Callable[[Member], Awaitable[Status]],
        seed: bytes = b"",
        status: Status = _OWN,
        address: Callable[[str], str] = lambda _: "",
    ) -> None:
        """Begin alone."""
        self._me = me
        self._directory = directory
        self._ask = ask
        self._seed = seed
        self._status = status
        self._address = address
        self._known: dict[Member, Status] = {}
        self._answering: set[Member] = set()
        self._has_entered = self._is_leaving = False
        self._owners = {me}
        self._forgotten: set[Member] = set()
        self.order: ShareOrder | None = None
        self.ring = ring_of([me], None, seed)
        self.count = 0
        self.is_sticky = status.affinity
        self.is_split = False
        self.silent = 0

    @property
    def here(self) -> str:
        """The id of this machine."""
        return self._me.id

    @property
    def peers(self) -> list[Member]:
        """The other machines that will stay, admitted or not yet."""
        return list(self.stores)

    @property
    def stores(self) -> dict[Member, str]:
        """The other machines that will stay, and the names of their stores."""
        return {
            member: status.store for member, status in self._known.items() if not status.draining
        }

    def status(self, admitted: bool, draining: bool) -> Status:
        """Return what this machine says of itself to the others."""
        contacts = (Contact(m.id, m.region, self._address(m.id)) for m in sorted(self._answering))
        reached = tuple(contact for contact in contacts if contact.address)
        status = replace(self._status, admitted=admitted, draining=draining, order=self.order)
        return replace(status, contacts=reached)

    async def refresh(self, welcome: Welcome | None = None) -> bool:
        """Ask who is there, and each how it is. False if the DNS did not answer.

        Args:
            welcome: awaited before machines own clients again that were forgotten: they need not
                have noticed that, and others have served their clients.
        """
        named = await self._named()
        answers = await self._answers(
            {*(self._known if named is None else named)} | self._answering
        )
        hearsay = {contact.member for one in answers.values() if one for contact in one.contacts}
        answers |= await self._answers(hearsay - answers.keys() - {self._me})
        expected = set(self._known) if named is None else named
        self._answering = {member for member, answer in answers.items() if answer is not None}
        self.silent = len((expected & answers.keys()) - self._answering)
        self._known = {
            member: answer or self._unheard(member)
            for member, answer in answers.items()
            if answer is not None or member in expected
        }
        returning = {member.id for member in self._admitted() & self._forgotten}
        if returning and welcome is not None:
            await welcome(returning)
        # Who has just come, or was away, learns from the others how the clients are shared.
        orders = [status.order for status in self._known.values() if status.order]
        newest = max(orders, key=lambda order: order.version, default=None)
        if newest is None or not self.adopt(newest):
            self._renew()
        return named is not None

    def adopt(self, order: ShareOrder) -> bool:
        """Share the clients by an order from now on; False if it is no later than the known one."""
        if self.order is not None and order.version <= self.order.version:
            return False
        self.order = order
        self._renew(is_other=True)
        return True

    def enter(self) -> None:
        """Own clients from now on, also beside other owners."""
        self._has_entered = True
        self._renew()

    def leave(self) -> None:
        """Own no clients from now on, if another machine does."""
        self._is_leaving = True
        self._renew()

    async def _named(self) -> set[Member] | None:
        """Return the machines that the DNS names; None if it does not answer."""
        try:
            found = await self._directory.machines()
        except DirectoryError:
            return None
        return {member for member in found if member.id != self._me.id}

    async def _answers(self, members: set[Member]) -> dict[Member, Status | None]:
        """Return what each of this group says of itself; None if it says nothing."""
        asked = sorted(members)
        answers = zip(asked, await asyncio.gather(*map(self._answer, asked)), strict=True)
        return {member: one for member, one in answers if one is None or self._is_ours(one)}

    def _is_ours(self, status: Status) -> bool:
        """Return whether it is of this group: former versions do not say of which they are."""
        return "" in (status.group, self._status.group) or status.group == self._status.group

    async def _answer(self, member: Member) -> Status | None:
        try:
            return await self._ask(member)
        except PeerGoneError:
            self._known.pop(member, None)  # the proxy can't reach it either
        except PeerError:
            pass
        return None

    def _unheard(self, member: Member) -> Status:
        """Return its last status: the proxy may still reach it. Without one it is not admitted."""
        return self._known.get(member, Status())

    def _admitted(self) -> set[Member]:
        return {member for member in self.peers if self._known[member].admitted}

    def _renew(self, *, is_other: bool = False) -> None:
        owners = {member: self._known[member] for member in self._admitted()}
        if not owners or (self._has_entered and not self._is_leaving):
            owners[self._me] = self._status
        if is_other or owners.keys() != self._owners:
            self._forgotten = (self._forgotten | self._owners) - owners.keys()
            self._owners = set(owners)
            self.ring = ring_of(owners, self.order, self._seed)
        self.count = len(owners)
        self.is_sticky = any(status.affinity for status in owners.values())
        stores = {status.store for status in owners.values()}
        self.is_split = len(owners) > 1 and (len(stores) > 1 or "" in stores)
