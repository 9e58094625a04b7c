"""Which machine owns which client while two releases share them: a pure function, as the ring."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from flygate_wire.share_order import ShareOrder

from .ring import Member, Ring

_SCALE: Final = 2.0**64


class SharedRing(Ring):
    """A ring of the new machines, and one of the former; a client's place decides which is its.

    Places are spread evenly over 0 to 100, and stay: as the percentage grows, clients move from
    the former release to the new one only, and back only as it falls. Machines that the order
    does not know own no client.

    Attributes:
        members: of both sides, sorted.
    """

    def __init__(self, new: Ring, former: Ring, percent: int, seed: bytes) -> None:
        """Share the clients out.

        Args:
            percent: of the clients belong to the new machines.
            seed: the rings'.
        """
        self._new = new
        self._former = former
        self._percent = percent
        self._seed = seed
        self._place = blake2b(b"place\0", digest_size=8, key=seed)
        super().__init__([*new.members, *former.members], seed)

    def stand_in(self, client: str, here: str) -> Member | None:
        """Return the next owner of the same release, for a machine of the other one."""
        side, owner = self._side(client), self.owner(client)
        others = [member for member in side.members if member != owner]
        if not others or here in {member.id for member in side.members}:
            return None
        return Ring(others, self._seed).owner(client)

    def _owner(self, client: str) -> Member:
        return self._side(client).owner(client)

    def _side(self, client: str) -> Ring:
        return self._new if self._is_new(client) else self._former

    def _is_new(self, client: str) -> bool:
        mixed = self._place.copy()
        mixed.update(client.encode())
        return 100 * int.from_bytes(mixed.digest(), "big") / _SCALE < self._percent


def ring_of(members: Iterable[Member], order: ShareOrder | None, seed: bytes) -> Ring:
    """Return the ring of some members, by an order.

    Where one side has no machine there is nothing to be shared: an order ends by itself.
    """
    found = list(members)
    if order is not None:
        new = [member for member in found if member.id in order.new]
        former = [member for member in found if member.id in order.former]
        if new and former:
            return SharedRing(Ring(new, seed), Ring(former, seed), order.percent, seed)
    return Ring(found, seed)
