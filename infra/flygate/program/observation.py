"""What the program observes of the live app before it declares anything."""

from __future__ import annotations

from functools import partial

import pulumi

from flygate.commands.inspection import Inspection, InspectionRequest, inspect
from flygate.commands.orders import Orders
from flygate.config import Pin
from flygate.program import contradictions, question, volume_notes
from flygate.program.desired_stack import DesiredStack
from flygate.program.pinned_redis import PinnedRedis
from flygate.program.preview_log import PreviewLog
from flygate.record import pinning
from flygate.record.stack_record import StackRecord


def observe(
    desired: DesiredStack,
    recorded: StackRecord,
    owner: str,
    pinned_redis: PinnedRedis | None,
    log: PreviewLog,
) -> Inspection:
    """Inspection at the live app, and log what is not as its release left it.

    Raises:
        MovedError: in an update: the app has changed since the preview.
        ConfigError: a pinned release needs a Redis that is gone, or something is asked of a Redis
            that there is not.
        FlygateError: Fly does not answer.
    """
    request = _request(desired, recorded, owner, pinned_redis)
    seen = question.ask(partial(inspect, request), Orders.from_env().move or desired.stack.app)
    log.stand_on(seen.state)
    log.plan(*(f"found: {line}" for line in seen.found))
    if desired.stack.pin:
        log.warn(_pinned(desired.stack.pin))
    log.warn(*desired.notes)
    log.warn(*volume_notes.of(desired.manifest, seen.volumes))
    contradictions.check_redis(desired.stack, desired.secrets, seen.redis)
    if pinned_redis:
        pinned_redis.check(seen.redis, pulumi.get_stack())
    return seen


def _request(
    desired: DesiredStack, recorded: StackRecord, owner: str, pinned_redis: PinnedRedis | None
) -> InspectionRequest:
    stack = desired.stack
    return InspectionRequest(
        app=stack.app,
        org=stack.org,
        redis=None if desired.brings_redis else stack.redis_name,
        left=stack.redis_name if desired.brings_redis else None,
        needs_redis=desired.needs_redis,
        restores_redis=bool(pinned_redis and pinned_redis.is_own(None)),
        owner=owner,
        takeover=stack.takeover,
        has_volumes=bool(desired.manifest and any(g.volume for g in desired.manifest.groups)),
        known=recorded.ledger.next_version - 1,
        needs_key=not recorded.ledger.key,
        lacks=(f"{recorded.problem}: it is made anew",) if recorded.problem else (),
    )


def _pinned(pin: Pin) -> str:
    stack = pulumi.get_stack()
    return (
        f"{pinning.described(stack, pin)} The checkout is not deployed; `flygate forward {stack}` "
        "ends the pin."
    )
