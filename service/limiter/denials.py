"""What Redis denied a moment ago: an attack must not cost Redis a call for each request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .clock import Clock
from .decision import Decision
from .quota import NANOS
from .store.base import Charge

# A reset on one machine is noticed by the others after this long.
LONGEST_NS: Final = NANOS

Asked = tuple[tuple[object, ...], ...]


@dataclass(frozen=True, slots=True)
class _Denial:
    decisions: tuple[Decision, ...]
    since: int
    until: int


class Denials:
    """Remembers refusals until their time, at most `max_entries` of them and for a second.

    With `max_entries` of 0 nothing is remembered.
    """

    def __init__(self, clock: Clock, max_entries: int = 8_192) -> None:
        """Remember nothing yet."""
        self._now = clock.now
        self._max_entries = max_entries
        self._known: dict[Asked, _Denial] = {}

    def __len__(self) -> int:
        """The refusals that are remembered."""
        return len(self._known)

    def find(self, charges: Sequence[Charge]) -> list[Decision] | None:
        """The decisions that these charges would get now, if it is known that they are refused."""
        asked = _asked(charges)
        denial = self._known.get(asked)
        if denial is None:
            return None
        now = self._now()
        if now >= denial.until:
            del self._known[asked]
            return None
        return [_aged(decision, now - denial.since) for decision in denial.decisions]

    def remember(self, charges: Sequence[Charge], decisions: Sequence[Decision]) -> None:
        """Keep a refusal until the first of its denials is over."""
        now = self._now()
        waits = [
            decision.wait_ns
            for charge, decision in zip(charges, decisions, strict=True)
            if charge.binding and decision.wait_ns > 0
        ]
        if not waits or not self._max_entries:
            return
        if len(self._known) >= self._max_entries:
            del self._known[next(iter(self._known))]  # the oldest
        until = now + min(max(waits), LONGEST_NS)
        self._known[_asked(charges)] = _Denial(tuple(decisions), now, until)

    def clear(self) -> None:
        """Forget everything: a bucket was reset."""
        self._known.clear()


def _asked(charges: Sequence[Charge]) -> Asked:
    return tuple(
        (charge.key, charge.cost, charge.binding, charge.quota.capacity_ns) for charge in charges
    )


def _aged(decision: Decision, elapsed: int) -> Decision:
    # A wait that is over while another policy's is not: by now it would be allowed.
    allowed = decision.allowed or 0 < decision.wait_ns <= elapsed
    wait = decision.wait_ns - elapsed if decision.wait_ns > elapsed else min(decision.wait_ns, 0)
    return Decision(allowed, wait, max(0, decision.owed_ns - elapsed), decision.quota)
