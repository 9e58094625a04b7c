"""Which machine owns which client: a pure function of the members."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from math import log

_CACHED_CLIENTS = 8_192
_SCALE = 2.0**64


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """A machine that may own clients.

    Attributes:
        weight: its share of the clients, relative to the others'.
    """

    id: str
    region: str = ""
    weight: float = 1.0


class Ring:
    """Gives each client an owner by weighted rendezvous hashing.

    All machines that know the same members and the same seed agree. A machine that joins
    takes clients from all in proportion and moves no other; one that leaves gives up its own only.

    Source: J. Resch, "New Hashing Algorithms for Data Storage" (2015), for the weights.

    Attributes:
        members: sorted, without repetition.
        owner: the member that owns a client's key; remembered for those who came last.
    """

    def __init__(self, members: Iterable[Member], seed: bytes = b"") -> None:
        """Take the members as they are now.

        Args:
            members: one or more, of different ids.
            seed: a secret of at most 64 bytes, so that no client can choose a machine to flood.

        Raises:
            ValueError: there is no member, or one has no weight.
        """
        self.members = tuple(sorted(set(members)))
        if not self.members or min(member.weight for member in self.members) <= 0:
            raise ValueError(f"a ring needs members with weights above 0; found {self.members}")
        self._seats = [
            (member, blake2b(member.id.encode() + b"\0", digest_size=8, key=seed))
            for member in self.members
        ]
        self.owner = lru_cache(_CACHED_CLIENTS)(self._owner)

    def __len__(self) -> int:
        """Return how many machines share the clients."""
        return len(self.members)

    def stand_in(self, client: str, here: str) -> Member | None:
        """Return the machine that serves a client whose owner is gone unnoticed; None: any one.

        Args:
            here: the id of the machine that the client came to.
        """
        return None

    def _owner(self, client: str) -> Member:
        text = client.encode()
        best, highest = self.members[0], -1.0
        for member, seat in self._seats:
            mixed = seat.copy()
            mixed.update(text)
            chance = (int.from_bytes(mixed.digest(), "big") + 0.5) / _SCALE
            # Rounding may make it 1: such a member has won.
            score = member.weight / -log(chance) if chance < 1 else float("inf")
            if score > highest:
                best, highest = member, score
        return best
