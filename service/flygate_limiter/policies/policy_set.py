"""The policies of a service, and which of them apply to a request."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from flygate_limiter.charge import MOST_PER_REQUEST
from flygate_limiter.errors import PolicyError, shown
from flygate_limiter.networks import Networks
from flygate_limiter.request import Request

from .policy import Mode, Policy
from .route import Route

_ROUTED_PATHS: Final = 1_024
_LONGEST_PATH: Final = 256


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The policies of a service: built once, replaced as a whole.

    Args:
        policies: in the order in which they are shown.
        exempt_paths: paths that no policy applies to (health checks).
        allow: addresses that no policy applies to.
        deny: addresses that are refused whatever they ask for.
        exempt_routes: routes that no policy applies to.

    Attributes:
        single: the only policy, if it applies to every request whose path is not exempt.
    """

    policies: tuple[Policy, ...]
    exempt_paths: frozenset[str] = frozenset()
    allow: Networks = field(default_factory=Networks)
    deny: Networks = field(default_factory=Networks)
    exempt_routes: tuple[Route, ...] = ()
    _active: tuple[Policy, ...] = field(init=False, repr=False)
    _has_routes: bool = field(init=False, repr=False)
    _has_exceptions: bool = field(init=False, repr=False)
    has_deny_list: bool = field(init=False, repr=False)
    single: Policy | None = field(init=False, repr=False)
    # The policies whose routes a method and a path are on.
    _routed: dict[tuple[str, str], tuple[Policy, ...]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        """Check names and number, and leave out what is off."""
        counts = Counter(policy.name for policy in self.policies)
        if twice := [name for name, count in counts.items() if count > 1]:
            raise PolicyError(f"policy names must be unique; found twice: {', '.join(twice)}")
        active = tuple(policy for policy in self.policies if policy.mode is not Mode.OFF)
        _check_number(active)
        object.__setattr__(self, "_active", active)
        has_routes = bool(self.exempt_routes) or any(policy.routes for policy in active)
        object.__setattr__(self, "_has_routes", has_routes)
        has_exceptions = bool(self.allow) or any(policy.exempt for policy in active)
        object.__setattr__(self, "_has_exceptions", has_exceptions)
        object.__setattr__(self, "has_deny_list", bool(self.deny))
        is_plain = not (self._has_routes or has_exceptions or self.has_deny_list)
        single = active[0] if is_plain and len(active) == 1 else None
        object.__setattr__(self, "single", single)

    def match(self, request: Request) -> tuple[Policy, ...]:
        """Return the policies that a request is charged to; none if it is exempt."""
        if request.path in self.exempt_paths:
            return ()
        policies = self._on_route(request) if self._has_routes else self._active
        if not self._has_exceptions:
            return policies
        if self.allows(request):
            return ()
        return tuple(policy for policy in policies if request.address not in policy.exempt)

    def allows(self, request: Request) -> bool:
        """Whether the address is never limited, by the application's limits neither."""
        return self._has_exceptions and request.address in self.allow

    def denies(self, request: Request) -> bool:
        """Whether the address is on the deny list, and the path is not exempt."""
        return (
            self.has_deny_list
            and request.path not in self.exempt_paths
            and request.address in self.deny
        )

    def named(self, name: str) -> Policy | None:
        """Return the policy of that name, if there is one."""
        return next((policy for policy in self.policies if policy.name == name), None)

    def find(self, name: str) -> Policy:
        """Return the policy of that name.

        Raises:
            PolicyError: there is none; the message names those that there are.
        """
        if (policy := self.named(name)) is None:
            known = ", ".join(policy.name for policy in self.policies)
            raise PolicyError(f"there is no policy {shown(name)}; there are: {known}")
        return policy

    def _on_route(self, request: Request) -> tuple[Policy, ...]:
        asked = (request.method, request.path)
        known = self._routed.get(asked)
        if known is None:
            known = self._look_up(request)
            # Bounded: made-up paths make the cache useless, not large.
            if len(self._routed) >= _ROUTED_PATHS:
                self._routed.clear()
            if len(request.path) <= _LONGEST_PATH:
                self._routed[asked] = known
        return known

    def _look_up(self, request: Request) -> tuple[Policy, ...]:
        if any(route.is_beyond_doubt(request) for route in self.exempt_routes):
            return ()
        return tuple(policy for policy in self._active if policy.is_on_route(request))


def _check_number(policies: tuple[Policy, ...]) -> None:
    if len(policies) <= MOST_PER_REQUEST:
        return
    examples = [route.example() for policy in policies for route in policy.routes]
    for request in (Request(""), *examples):
        found = sum(policy.is_on_route(request) for policy in policies)
        if found > MOST_PER_REQUEST:
            raise PolicyError(
                f"at most {MOST_PER_REQUEST} policies can apply to a request, candidates included;"
                f" found {found} for {request.method} {request.path}"
            )
