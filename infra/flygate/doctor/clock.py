"""This computer's clock against Fly's: signatures and leases are held against the time."""

from __future__ import annotations

from collections.abc import Sequence

from flygate.doctor.facts import Facts
from flygate.doctor.finding import Finding, broken, ok, skipped, warning

# A signed request is good for a minute (docs/judge.md), a lease for 15 s (flygate/rollout/lock/).
BROKEN_SECONDS = 30.0
# The header with the time has whole seconds.
ODD_SECONDS = 5.0
_REMEDY = "set the clock: timedatectl set-ntp true"


async def examine(facts: Facts) -> Sequence[Finding]:
    """Compare them."""
    return [judge((await facts.greeting()).ahead_seconds)]


def judge(ahead_seconds: float | None) -> Finding:
    """Judge by how far Fly's clock is ahead of this one."""
    if ahead_seconds is None:
        return skipped("Fly's answer has no time")
    size = abs(ahead_seconds)
    if size < ODD_SECONDS:
        return ok("this clock and Fly's agree")
    text = f"this clock is {size:.0f} s {'behind' if ahead_seconds > 0 else 'ahead of'} Fly's"
    if size < BROKEN_SECONDS:
        return warning(text, _REMEDY)
    return broken(f"{text}; signed requests and leases fail", _REMEDY)
