"""What Redis denied a moment ago: an attack must not cost Redis a call for each request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from flygate_limiter.charge import Charge, Key
from flygate_limiter.clock import Clock
from flygate_limiter.decision import Decision
from flygate_limiter.quota import NANOS

# A reset on one machine is noticed by the others after this long.
LONGEST_NS: Final = NANOS
# Of a client, by its charges: routes have other policies, and requests other costs.
_MOST_PER_CLIENT: Final = 16

# Of charges what decides.
_Charged = tuple[tuple[object, ...], ...]


@dataclass(frozen=True, slots=True)
class _Denial:
    decisions: tuple[Decision, ...]
    since: int
    until: int


class Denials:
    """Remembers refusals until their time, and for a second at most.

    Args:
        clock: what time it is.
        max_clients: how many are remembered; the oldest are forgotten. With 0 none is.
    """

    def __init__(self, clock: Clock, max_clients: int = 8_192) -> None:
        """Start with none."""
        self._now = clock.now
        self._max_clients = max_clients
        # By the first charge's key: a request that is not refused costs one look.
        self._known: dict[Key, dict[_Charged, _Denial]] = {}

    def __len__(self) -> int:
        """Return how many clients are remembered."""
        return len(self._known)

    def find(self, charges: Sequence[Charge]) -> list[Decision] | None:
        """Return the decisions on these charges now, if they are known to be refused."""
        client = charges[0].key
        known = self._known.get(client)
        if known is None:
            return None
        charged = _charged(charges)
        denial = known.get(charged)
        if denial is None:
            return None
        now = self._now()
        if now < denial.until:
            return [decision.aged(now - denial.since) for decision in denial.decisions]
        del known[charged]
        if not known:
            del self._known[client]
        return None

    def remember(self, charges: Sequence[Charge], decisions: Sequence[Decision]) -> None:
        """Keep a refusal until the last of its denials is over."""
        waits = [
            decision.wait_ns
            for charge, decision in zip(charges, decisions, strict=True)
            if charge.binding and decision.wait_ns > 0
        ]
        if not waits or not self._max_clients:
            return
        now = self._now()
        client = charges[0].key
        known = self._known.get(client)
        if known is None:
            _make_room(self._known, self._max_clients)
            known = self._known[client] = {}
        _make_room(known, _MOST_PER_CLIENT)
        until = now + min(max(waits), LONGEST_NS)
        known[_charged(charges)] = _Denial(tuple(decisions), now, until)

    def clear(self) -> None:
        """Forget everything: a bucket was reset."""
        self._known.clear()


def _make_room(known: dict[Any, Any], most: int) -> None:
    if len(known) >= most:
        del known[next(iter(known))]  # the oldest


def _charged(charges: Sequence[Charge]) -> _Charged:
    return tuple(
        (charge.key, charge.cost, charge.binding, charge.quota.capacity_ns) for charge in charges
    )
