"""Which policies a request falls under."""

from collections import Counter
from dataclasses import dataclass, field

from .errors import PolicyError
from .networks import Networks
from .policy import Mode, Policy
from .request import Request


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The policies of a service: built once, replaced as a whole.

    Args:
        policies: in the order in which they are shown.
        exempt_paths: paths that no policy applies to (health checks).
        allow: addresses that no policy applies to.
        deny: addresses that are refused whatever they ask for.
    """

    policies: tuple[Policy, ...]
    exempt_paths: frozenset[str] = frozenset()
    allow: Networks = field(default_factory=Networks)
    deny: Networks = field(default_factory=Networks)
    _active: tuple[Policy, ...] = field(init=False, repr=False)
    _is_simple: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check that names are unique, and leave out what is off."""
        counts = Counter(policy.name for policy in self.policies)
        if twice := [name for name, count in counts.items() if count > 1]:
            raise PolicyError(f"policy names must be unique; found twice: {', '.join(twice)}")
        active = tuple(policy for policy in self.policies if policy.mode is not Mode.OFF)
        object.__setattr__(self, "_active", active)
        is_simple = not self.allow and not any(p.routes or p.exempt for p in active)
        object.__setattr__(self, "_is_simple", is_simple)

    def match(self, request: Request) -> tuple[Policy, ...]:
        """The policies that a request is charged to; none if it is exempt."""
        if request.path in self.exempt_paths:
            return ()
        if self._is_simple:
            return self._active
        if request.address in self.allow:
            return ()
        return tuple(policy for policy in self._active if policy.applies_to(request))

    def denies(self, request: Request) -> bool:
        """Whether the address is on the deny list, and the path is not exempt."""
        return (
            bool(self.deny)
            and request.path not in self.exempt_paths
            and request.address in self.deny
        )

    def named(self, name: str) -> Policy | None:
        """The policy of that name."""
        return next((policy for policy in self.policies if policy.name == name), None)
