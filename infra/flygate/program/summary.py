"""What the program says of a deployment: what the stack runs on, and what changes."""

from __future__ import annotations

import pulumi

from flygate.config import promotion, sizing
from flygate.config.phases import Phase
from flygate.fly.redis import RedisSpec
from flygate.program import redis_plan
from flygate.program.desired_stack import DesiredStack
from flygate.program.preview_log import PreviewLog
from flygate.program.release_inputs import ReleaseInputs
from flygate.record import bounds
from flygate.record.running import cost_beside


def announce(desired: DesiredStack, log: PreviewLog) -> None:
    """Log what is promoted, and the phase with its size and its price.

    Raises:
        PromotionError: the image is not the one that was promoted, or it had not soaked.
    """
    stack, row = desired.stack, desired.row
    if stack.pin:
        return
    if stack.promotion:
        promotion.check(stack.promotion, stack.image)
        log.info(f"promoted: {stack.promotion.describe()}")
    log.info(_sized(desired, row))


def _sized(desired: DesiredStack, row: Phase) -> str:
    """Say how many machines of what size there are, and what they cost with all beside them."""
    cost = row.monthly_cost(len(desired.regions), len(desired.stack.redis.regions))
    others = 0
    if desired.manifest:
        cost += cost_beside(desired.manifest.model_dump(mode="json"))
        others = sum(group.count for group in desired.manifest.others)
    # The price table has no performance CPUs.
    groups = desired.manifest.others if desired.manifest else ()
    kinds = {row.cpu_kind, *(g.config.get("guest", {}).get("cpu_kind", "shared") for g in groups)}
    but = "".join(f", and what {kind} CPUs cost" for kind in sorted(kinds - {"shared"}))
    each = f"{row.machines} machine" + ("s" if row.machines > 1 else "")
    beside = f"{others} of other process groups, " if others else ""
    return (
        f"phase {row.number} ({row.name}): {each} of {row.memory_mb} MB in each region, {beside}"
        f"limits in {row.storage}; at most about ${cost:.2f} a month{but}"
    )


def plan(inputs: ReleaseInputs, redis_spec: RedisSpec | None, log: PreviewLog) -> list[str]:
    """Log what the deployment changes against what the stack's last one recorded.

    Returns:
        What is done if Pulumi replaces the release's resource.

    Raises:
        ConfigError: the release would be too large.
    """
    desired, seen, stack = inputs.desired, inputs.observed, pulumi.get_stack()
    preview = inputs.preview
    if redis_spec:
        is_needed = desired.needs_redis
        log.plan(*redis_plan.lines(redis_spec, seen.redis, stack, is_needed=is_needed))
    if seen.left:
        log.plan(redis_plan.reminder(seen.left, stack))
    if not desired.stack.pin:
        log.warn(*sizing.warnings(desired.row, len(desired.regions)))
        bounds.check(preview.desired.manifest, preview.secrets)
    costs = redis_plan.costs(redis_spec, seen.redis)
    log.plan(*preview.lines(is_drifted=bool(seen.found), redis=costs))
    return preview.again() if inputs.recorded.has_result else []
