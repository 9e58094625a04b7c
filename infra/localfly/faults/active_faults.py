"""The injected faults of the API."""

from random import Random

from localfly.errors import NotFoundError
from localfly.faults.chaos import Chaos
from localfly.faults.fault import Fault


class ActiveFaults:
    """The faults in the order in which they were added; the first that fits a request hits it.

    Attributes:
        chaos: hits requests that no fault has hit; None: there is none.
    """

    def __init__(self, random: Random) -> None:
        self.chaos: Chaos | None = None
        self._random = random
        self._faults: dict[str, Fault] = {}
        self._last = 0

    def add(self, fault: Fault) -> Fault:
        self._last += 1
        fault.id = f"f{self._last}"
        self._faults[fault.id] = fault
        return fault

    def list(self) -> list[Fault]:
        """Return all faults; the spent ones too, so that a test can see what they hit."""
        return list(self._faults.values())

    def remove(self, identifier: str) -> None:
        """Remove a fault.

        Raises:
            NotFoundError: there is none of that id.
        """
        if self._faults.pop(identifier, None) is None:
            raise NotFoundError(f"fault {identifier!r} not found")

    def clear(self) -> None:
        self._faults.clear()
        self.chaos = None

    def hit(self, method: str, path: str) -> Fault | None:
        """Return the fault that hits this request, and count it; None for most requests."""
        for fault in self._faults.values():
            if fault.is_spent or not fault.fits(method, path):
                continue
            if self._random.random() < fault.probability:
                fault.hits += 1
                return fault
        return self.chaos.hit() if self.chaos else None
