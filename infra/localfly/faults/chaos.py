"""Chaos: faults hit a share of all requests at random, the same ones for the same seed."""

from dataclasses import dataclass, field
from random import Random
from typing import Final

from localfly.faults.fault import Fault, Kind

_ANYTHING: Final = "anything"
_ERROR: Final = "internal: chaos that was asked for"
_TOO_MANY: Final = 429


@dataclass(slots=True)
class Chaos:
    """Random faults, until they are ended.

    Args:
        share: of requests that are hit, above 0, 1 at most.
        seed: of the random choices, one for each request in the order of arrival.

    Attributes:
        asked, hits: how many requests came, and how many of them were hit.
    """

    share: float
    seed: int
    asked: int = 0
    hits: int = 0
    _random: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 (tests want it to repeat)

    def hit(self) -> Fault | None:
        """Return the fault that hits the next request; None for most requests."""
        self.asked += 1
        if self._random.random() >= self.share:
            return None
        self.hits += 1
        return _any_fault(self._random)


def _any_fault(random: Random) -> Fault:
    match random.choice(("500", "503", "429", "drop", "lose", "slow")):
        case "slow":
            return Fault(_ANYTHING, Kind.SLOW, seconds=random.uniform(1, 3))
        case "drop" | "lose" as name:
            return Fault(_ANYTHING, Kind(name))
        case status:
            # Fly names a delay in some of its refusals only.
            wait = random.choice((None, 1, 2)) if int(status) == _TOO_MANY else None
            return Fault(_ANYTHING, Kind.FAIL, status=int(status), error=_ERROR, retry_after=wait)
