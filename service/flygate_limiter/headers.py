"""The header fields of an answer. The revision of the RateLimit draft lives only here.

draft-ietf-httpapi-ratelimit-headers-11: lists of structured-field Items, named by policy.
A bucket is announced as `q` units (its size) per `w` seconds (the time that it takes to fill):
so `r` never exceeds `q`, and nothing is promised that the bucket would not keep.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from .decision import Decision, WindowDecision
from .policies.policy import Mode, Policy
from .quota import NANOS, Quota
from .verdict import Verdict
from .window import WindowQuota

Field = tuple[bytes, bytes]
Fields = list[Field]

_POLICY: Final = b"ratelimit-policy"
_STATE: Final = b"ratelimit"
_RETRY_AFTER: Final = b"retry-after"
_MOST_POLICIES: Final = 1_000


class HeaderWriter:
    """Renders verdicts; remembers what is constant for each policy."""

    def __init__(self) -> None:
        """Know no policy yet."""
        self._known: dict[Policy, _Constants] = {}

    def render(self, verdict: Verdict) -> Fields:
        """Return RateLimit and RateLimit-Policy, and Retry-After if waiting helps."""
        if verdict.allowed and len(verdict.results) == 1:
            ((policy, decision),) = verdict.results
            known = self._known.get(policy)
            # Nearly every answer takes this way, without the calls below.
            if known is not None and known.quota is decision.quota and known.is_announced:
                return [known.field, (_STATE, known.prefix + known.state(decision))]
        fields = self._render_all(verdict.results)
        if fields and not verdict.allowed and not verdict.can_never_fit:
            fields.append((_RETRY_AFTER, b"%d" % verdict.retry_after_seconds))
        return fields

    def _render_all(self, results: tuple[tuple[Policy, Decision], ...]) -> Fields:
        announced, states = [], []
        for policy, decision in results:
            known = self._constants(policy, decision.quota)
            if known.is_announced:
                announced.append(known.field[1])
                states.append(known.prefix + known.state(decision))
        if not announced:
            return []
        return [(_POLICY, b", ".join(announced)), (_STATE, b", ".join(states))]

    def _constants(self, policy: Policy, quota: Quota) -> "_Constants":
        known = self._known.get(policy)
        # By identity, as comparing takes longer; an override, or a share of a quota, is another.
        if known is not None and known.quota is quota:
            return known
        if len(self._known) >= _MOST_POLICIES:
            self._known.clear()  # policies were replaced many times
        known = self._known[policy] = _Constants(policy, quota)
        return known


class _Constants:
    """The part of a policy's fields that is the same in every answer."""

    __slots__ = ("field", "is_announced", "prefix", "quota", "state")

    def __init__(self, policy: Policy, quota: Quota) -> None:
        self.is_announced = policy.mode is Mode.ENFORCE
        self.quota = quota
        self.state = _writer(policy, quota)
        self.prefix = f'"{policy.name}"'.encode("ascii")
        window = -(-quota.capacity_ns // NANOS)
        self.field: Field = _POLICY, b"%b;q=%d;w=%d" % (self.prefix, quota.burst, window)


def _writer(policy: Policy, quota: Quota) -> Callable[[Decision], bytes]:
    if isinstance(quota, WindowQuota):
        return _state_of_window
    return _state if policy.cost == 1 else partial(_state_at_cost, policy.cost)


def _state(decision: Decision) -> bytes:
    """Write what is left, and the time until the bucket is full or, if it is empty, has a unit."""
    allowed, wait, time, quota = decision
    room, emission = quota.capacity_ns - time, quota.emission_ns
    if not allowed:
        time = wait if wait > 0 else 0
    elif room < emission:
        time = emission - room
    return b";r=%d;t=%d" % (room // emission if room > 0 else 0, -(-time // NANOS))


def _state_at_cost(cost: int, decision: Decision) -> bytes:
    """As `_state`; if less is left than a request costs, the time until that much is."""
    quota, time = decision.quota, decision.owed_ns
    short = min(cost, quota.burst) * quota.emission_ns - (quota.capacity_ns - time)
    if not decision.allowed:
        time = max(0, decision.wait_ns)
    elif short > 0:
        time = short
    return b";r=%d;t=%d" % (decision.remaining, -(-time // NANOS))


def _state_of_window(decision: Decision) -> bytes:
    """As `_state_at_cost`, by the window's decision, which has the time."""
    if isinstance(decision, WindowDecision) and decision.allowed:
        time = decision.until_ns
    else:
        time = max(0, decision.wait_ns)
    return b";r=%d;t=%d" % (decision.remaining, -(-time // NANOS))
