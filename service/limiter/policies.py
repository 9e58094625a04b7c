"""Which policies a request falls under."""

from collections import Counter
from dataclasses import dataclass, field

from .errors import PolicyError
from .policy import Mode, Policy
from .request import Request


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The policies of a service: built once, replaced as a whole.

    Args:
        policies: in the order in which they are shown.
        exempt_paths: paths that no policy applies to (health checks).
    """

    policies: tuple[Policy, ...]
    exempt_paths: frozenset[str] = frozenset()
    _active: tuple[Policy, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check that names are unique, and leave out what is off."""
        counts = Counter(policy.name for policy in self.policies)
        if twice := [name for name, count in counts.items() if count > 1]:
            raise PolicyError(f"policy names must be unique; found twice: {', '.join(twice)}")
        active = tuple(policy for policy in self.policies if policy.mode is not Mode.OFF)
        object.__setattr__(self, "_active", active)

    def match(self, request: Request) -> tuple[Policy, ...]:
        """The policies that a request is charged to; none if it is exempt."""
        return () if request.path in self.exempt_paths else self._active
