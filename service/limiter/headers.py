"""The header fields of an answer. The revision of the RateLimit draft lives only here.

draft-ietf-httpapi-ratelimit-headers-11: lists of structured-field Items, named by policy.
A bucket is announced as `q` units (its size) per `w` seconds (the time that it takes to fill):
so `r` never exceeds `q`, and nothing is promised that the bucket would not keep.
"""

from .decision import Decision
from .policy import Mode, Policy
from .quota import NANOS, Quota
from .verdict import Verdict

Fields = list[tuple[bytes, bytes]]


class HeaderWriter:
    """Renders verdicts; remembers what is constant for each policy."""

    def __init__(self) -> None:
        """Know no policy yet."""
        self._known: dict[tuple[Policy, int, int], tuple[bytes, bytes]] = {}

    def render(self, verdict: Verdict) -> Fields:
        """RateLimit and RateLimit-Policy, and Retry-After if waiting helps."""
        announced, states = [], []
        for policy, decision in verdict.results:
            if policy.mode is Mode.ENFORCE:
                announcement, prefix = self._constants(policy, decision.quota)
                announced.append(announcement)
                states.append(prefix + _state(decision))
        if not announced:
            return []
        fields = [
            (b"ratelimit-policy", b", ".join(announced)),
            (b"ratelimit", b", ".join(states)),
        ]
        if not verdict.allowed and not verdict.can_never_fit:
            fields.append((b"retry-after", b"%d" % verdict.retry_after_seconds))
        return fields

    def _constants(self, policy: Policy, quota: Quota) -> tuple[bytes, bytes]:
        size = (policy, quota.capacity_ns, quota.burst)
        known = self._known.get(size)
        if known is None:
            if len(self._known) > 1000:
                self._known.clear()  # policies were replaced many times
            known = self._known[size] = _announce(policy.name, quota)
        return known


def _announce(name: str, quota: Quota) -> tuple[bytes, bytes]:
    quoted = f'"{name}"'.encode("ascii")
    window = -(-quota.capacity_ns // NANOS)
    return b"%b;q=%d;w=%d" % (quoted, quota.burst, window), quoted


def _state(decision: Decision) -> bytes:
    """What is left; and the time until the bucket is full or, if nothing is left, has a unit."""
    remaining, quota = decision.remaining, decision.quota
    time = decision.owed_ns
    if not decision.allowed:
        time = max(0, decision.wait_ns)
    elif remaining == 0:
        time = max(0, time + quota.emission_ns - quota.capacity_ns)
    return b";r=%d;t=%d" % (remaining, -(-time // NANOS))
