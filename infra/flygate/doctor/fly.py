"""Fly's API, or the local Fly's: whether it answers."""

from __future__ import annotations

from collections.abc import Sequence

from flygate.doctor.errors import UnknownError
from flygate.doctor.facts import Facts
from flygate.doctor.finding import Finding, broken, ok, warning

_SLOW_SECONDS = 3.0


async def examine(facts: Facts) -> Sequence[Finding]:
    """It answers, without a token."""
    who = "the local Fly" if facts.is_on_local_fly else "Fly"
    try:
        greeting = await facts.greeting()
    except UnknownError as exc:
        return [broken(str(exc), _remedy(facts))]
    text = f"{who} at {facts.flaps_url} answers in {greeting.seconds * 1000:.0f} ms"
    if greeting.seconds > _SLOW_SECONDS:
        return [warning(text, "is Fly well? https://status.flyio.net")]
    return [ok(text)]


def _remedy(facts: Facts) -> str:
    if facts.is_on_local_fly:
        return "make up"
    return "are you offline, or behind a proxy (HTTPS_PROXY)? https://status.flyio.net"
