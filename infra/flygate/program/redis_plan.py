"""What becomes of a stack's Redis: its lines in the preview, its costs, and the URL to attach.

A Redis is made for a phase that keeps its limits there. From then on it stays, with its URL
attached, until an operator destroys it: no change of phase loses any limits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pulumi

from flygate.config import prices
from flygate.config.redis import URL
from flygate.fly.models import Redis
from flygate.fly.redis import RedisSpec
from flygate.program.desired_stack import DesiredStack
from flygate.program.pinned_redis import PinnedRedis


def lines(spec: RedisSpec, live: Redis | None, stack: str, *, is_needed: bool) -> Iterator[str]:
    """Describe the change for the preview.

    Args:
        live: the Redis as Fly has it; None if there is none yet.
        is_needed: the release that shall run keeps its limits there.
    """
    if live is None:
        where = ", ".join((spec.region, *spec.read_regions))
        cost = _cost(spec.plan, spec.read_regions)
        yield f"Redis {spec.name} is made: {spec.plan} in {where}; {URL} is attached; {cost}"
        return
    yield from _changes(spec, live)
    if live.region != spec.region:
        yield f"Redis {live.name} stays in {live.region}: Fly can't move one"
    if not is_needed:
        yield reminder(live, stack)


def reminder(live: Redis, stack: str) -> str:
    """Say that a Redis which nothing needs costs money until it is destroyed."""
    cost = prices.redis_month(live.plan, len(live.read_regions))
    return (
        f"Redis {live.name} stays, with all that is in it, and costs "
        f"${cost:.2f} a month; `flygate redis destroy {stack}` removes it"
    )


def costs(spec: RedisSpec | None, live: Redis | None) -> tuple[float, float]:
    """Return dollars a month, before and after; both are 0 without a specification."""
    if spec is None:
        return 0.0, 0.0
    before = prices.redis_month(live.plan, len(live.read_regions)) if live else 0.0
    return before, prices.redis_month(spec.plan, len(spec.read_regions))


def url(
    desired: DesiredStack,
    live: Redis | None,
    pinned: PinnedRedis | None,
    made: pulumi.Output[str] | None,
) -> pulumi.Input[str] | None:
    """Return the URL to attach; it follows the live Redis, so no rollback brings a former one back.

    Args:
        made: the URL of the stack's Redis resource; None if the stack has none.
    """
    if pinned and pinned.is_own(live):
        return None
    if desired.redis_url or made is None:
        return desired.redis_url
    # Where the Redis exists, the preview knows its URL, and whether its password was changed.
    return live.url if live else made


def _changes(spec: RedisSpec, live: Redis) -> Iterator[str]:
    """Name each change with what the whole Redis costs after all of them."""
    cost = _cost(spec.plan, spec.read_regions)
    if live.plan != spec.plan:
        yield f"Redis {live.name} changes from {live.plan} to {spec.plan}; {cost}"
    for region in spec.read_regions:
        if region not in live.read_regions:
            yield f"Redis {live.name} gets a copy in {region}; {cost}"
    for region in live.read_regions:
        if region not in spec.read_regions:
            yield f"Redis {live.name} loses its copy in {region}; {cost}"
    if live.evicts != spec.evicts:
        does = "forgets clients" if spec.evicts else "refuses new clients"
        yield f"Redis {live.name} {does} when it is full; {cost}"


def _cost(plan: str, read_regions: Collection[str]) -> str:
    if plan == prices.BY_USE:
        return "it costs what its commands cost"
    return f"it costs ${prices.redis_month(plan, len(read_regions)):.2f} a month"
