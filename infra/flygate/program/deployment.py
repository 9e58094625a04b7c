"""A stack's deployment: a table of contents.

`pulumi up` → this → `config` → `manifest` → `components` → `flygate op …` (see `flygate.commands`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pulumi

from flygate import config
from flygate.commands import unrecorded
from flygate.commands.decision import Newest
from flygate.commands.inspection import Inspection, InspectionRequest, inspect
from flygate.commands.orders import Back, Orders
from flygate.commands.preview import Preview
from flygate.commands.request import ReleaseRequest
from flygate.commands.unrecorded import UnrecordedRequest
from flygate.config import Pin, StackConfig, promotion, redis, sizing
from flygate.config.promotion import Receipt
from flygate.config.redis import RedisPlan
from flygate.fly.owner import Owner
from flygate.manifest import Manifest
from flygate.program import inputs, question
from flygate.program.asked import Asked
from flygate.program.chosen import Chosen, Note
from flygate.program.components.app import FlyApp
from flygate.program.components.names import APP, REDIS, RELEASE
from flygate.program.components.redis import UpstashRedis
from flygate.program.components.release import Release
from flygate.program.components.state import checkpoint
from flygate.program.pinned_redis import PinnedRedis
from flygate.program.previewed import Previewed
from flygate.program.voice import Voice
from flygate.record import bounds, pinning
from flygate.record.stack_record import COPY, StackRecord
from flygate.system import space
from flygate.system.errors import FlygateError

ROOT = Path(__file__).resolve().parents[3]

Secrets = dict[str, pulumi.Input[str]]


def run() -> None:
    """Declare the stack; what is wrong with its configuration is said without a stack trace.

    Raises:
        pulumi.RunError: with all that an operator must know.
    """
    try:
        _declare()
    except FlygateError as exc:
        raise pulumi.RunError(str(exc)) from None
    except OSError as exc:
        if (full := space.full(exc)) is None:
            raise
        raise pulumi.RunError(str(full)) from None


def _declare() -> None:
    space.check(space.folders(ROOT, os.environ))
    raw, recorded, orders = inputs.raw(), StackRecord.of(checkpoint()), Orders.from_env()
    asked_for = config.load(raw)
    recorded.check_identity(asked_for.app, pulumi.get_stack(), orders.move)
    owner = _owner(recorded)
    raw = pinning.laid(raw, _pin(asked_for, recorded, owner, orders))
    asked = Asked.read(raw, is_redis_secret=inputs.is_secret("redis"), root=ROOT)
    stack = asked.stack
    voice = Voice(Previewed(ROOT, stack.app))
    _announce(asked, voice)
    pinned = _pinned_redis(asked, recorded)
    seen = _looked(asked, recorded, owner, pinned, voice)
    voice.warn(*asked.notes)
    drift, live = seen.drift, seen.redis
    if pinned:
        pinned.check(live, pulumi.get_stack())
    planned = asked.redis_plan(live)

    app = FlyApp(APP, stack, drift, recorded, owner)
    made = UpstashRedis(REDIS, stack, planned, drift, owner, _after(app)) if planned else None
    attached = {} if pinned and pinned.is_own(live) else _attached(asked, planned, made)
    wanted = asked.manifest.with_secrets(attached) if asked.manifest else None
    request = _request(asked, wanted, drift, sorted(attached), owner)
    ahead = _foresight(asked, request, attached, recorded, seen)
    _tell_plan(asked, seen, planned, ahead, voice)
    release = Release(
        RELEASE,
        request,
        _secrets(asked, attached, recorded),
        recorded,
        ahead.again() if recorded.has_result else [],
        pulumi.ResourceOptions.merge(
            _after(app, made), pulumi.ResourceOptions(protect=stack.protect)
        ),
    )
    _export(stack, app, planned, release)


def _pin(stack: StackConfig, recorded: StackRecord, owner: str, orders: Orders) -> Pin | None:
    """The pin that holds; this runs while Pulumi locks the stack, but for a preview.

    Raises:
        PinnedError: the stack is pinned, and nobody ordered to go forward.
        LedgerError: there is nothing to go back to.
    """
    if orders.back:
        return _way_back(orders.back, stack, recorded, owner)
    if orders.decides:
        return None if orders.forward else stack.pin
    return pinning.holding(stack.pin, recorded.ledger, pulumi.get_stack())


def _way_back(order: Back, stack: StackConfig, recorded: StackRecord, owner: str) -> Pin:
    known = recorded.ledger.next_version - 1
    request = UnrecordedRequest(app=stack.app, known=known, owner=owner)
    seen = question.ask(partial(unrecorded.find, request), stack.app)
    chosen = Chosen.of(order, recorded.ledger, Newest(seen.version, seen.manifest))
    Note(ROOT, stack.app).write(chosen)
    pulumi.log.info(chosen.describe(pulumi.get_stack()))
    return chosen.pin


def _owner(recorded: StackRecord) -> str:
    """The label of this stack, with the id that its state has, or a new one."""
    names = "/".join((pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack()))
    kept = recorded.owner
    return str(kept.renamed(names) if kept else Owner.new(names))


def _pinned_redis(asked: Asked, recorded: StackRecord) -> PinnedRedis | None:
    """The Redis that a pinned release needs, if the configuration brings none in its place."""
    pin = asked.stack.pin
    if pin is None or not asked.needs_redis:
        return None
    name = redis.name_of(asked.stack.redis, asked.stack.app)
    url = recorded.values_of(pin).get(redis.URL, "")
    return PinnedRedis(pin.version, name, url, recorded.redis_urls)


def _secrets(
    asked: Asked, attached: Secrets, recorded: StackRecord
) -> dict[str, pulumi.Output[str]]:
    """The variables of the release's operation."""
    found = {bounds.SECRETS_VARIABLE: inputs.sealed({**asked.kept_secrets, **attached})}
    if asked.stack.pin and (values := recorded.values_of(asked.stack.pin)):
        found[bounds.RESTORED_VARIABLE] = inputs.sealed(values)
    return found


def _after(*resources: pulumi.Resource | None) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(depends_on=[one for one in resources if one])


def _attached(asked: Asked, planned: RedisPlan | None, made: UpstashRedis | None) -> Secrets:
    """The secrets that follow a live resource: no rollback brings former values back."""
    if asked.redis_url:
        return {redis.URL: asked.redis_url}
    if planned is None or made is None:
        return {}
    # Of a Redis that is there the preview knows it, and whether somebody changed its password.
    return {redis.URL: planned.live.url if planned.live else made.url}


def _looked(
    asked: Asked, recorded: StackRecord, owner: str, pinned: PinnedRedis | None, voice: Voice
) -> Inspection:
    """What is live now; what moved between the preview and the update stops it."""
    stack = asked.stack
    name = redis.name_of(stack.redis, stack.app)
    request = InspectionRequest(
        app=stack.app,
        org=stack.org,
        redis=None if asked.brings_redis else name,
        left=name if asked.brings_redis else None,
        needs_redis=asked.needs_redis,
        restores_redis=bool(pinned and pinned.is_own(None)),
        owner=owner,
        takeover=stack.takeover,
        known=recorded.ledger.next_version - 1,
        needs_key=not recorded.ledger.key,
        lacks=(f"{recorded.problem}: it is made anew",) if recorded.problem else (),
    )
    seen = question.ask(partial(inspect, request), Orders.from_env().move or stack.app)
    voice.stand_on(seen.state)
    voice.foretell(*(f"found: {line}" for line in seen.found))
    if stack.pin:
        voice.warn(_pinned(stack.pin))
    return seen


def _foresight(
    asked: Asked,
    request: Mapping[str, Any],
    attached: Secrets,
    recorded: StackRecord,
    seen: Inspection,
) -> Preview:
    """What the release's operation will find."""
    # What only the deployment will know differs from all that there was.
    known = {name: value if isinstance(value, str) else "" for name, value in attached.items()}
    ledger = recorded.ledger.model_copy(update={"key": recorded.ledger.key or seen.key})
    return Preview(
        ReleaseRequest.model_validate(request),
        {**asked.kept_secrets, **known},
        ledger,
        seen.live,
        Orders.from_env(),
    )


def _tell_plan(
    asked: Asked, seen: Inspection, planned: RedisPlan | None, ahead: Preview, voice: Voice
) -> None:
    """Say what would change, against what this stack's last deployment recorded.

    Raises:
        ConfigError: the release would weigh too much.
    """
    stack = asked.stack
    if planned:
        voice.foretell(*planned.lines(pulumi.get_stack()))
    if seen.left:
        voice.foretell(redis.reminder(seen.left, pulumi.get_stack()))
    if not stack.pin:
        voice.warn(*sizing.warnings(asked.row, len(asked.regions)))
        bounds.check(ahead.desired.manifest, ahead.secrets)
    costs = planned.costs if planned else (0.0, 0.0)
    voice.foretell(*ahead.lines(is_drifted=bool(seen.found), redis=costs))


def _request(
    asked: Asked, wanted: Manifest | None, drift: str, attached: list[str], owner: str
) -> dict[str, Any]:
    """What the release Command gets: the manifest, or no more than the pin while there is one."""
    stack = asked.stack
    whose: dict[str, Any] = {"app": stack.app, "owner": owner}
    if stack.takeover:
        whose["takeover"] = stack.takeover
    if stack.rollout.hooks.env:
        whose["hooks_env"] = list(stack.rollout.hooks.env)
    if wanted is None:
        assert stack.pin is not None  # noqa: S101  there is a manifest unless there is a pin
        pin = stack.pin.model_dump(mode="json")
        return {**whose, "pin": pin, "drift": drift, "attached": attached}
    request = {
        **whose,
        "manifest": wanted.model_dump(mode="json"),
        "source": asked.source,
        "drift": drift,
    }
    promoted = stack.promotion.describe() if stack.promotion else ""
    return {**request, "promotion": promoted} if promoted else request


def _announce(asked: Asked, voice: Voice) -> None:
    stack, row = asked.stack, asked.row
    if stack.pin:
        return
    if stack.promotion:
        promotion.check(stack.promotion, stack.image)
        voice.say(f"promoted: {stack.promotion.describe()}")
    cost = row.monthly_cost(len(asked.regions), len(stack.redis.regions))
    # The table has no price of theirs.
    but = "" if row.cpu_kind == "shared" else f", and what {row.cpu_kind} CPUs cost"
    each = f"{row.machines} machine" + ("s" if row.machines > 1 else "")
    voice.say(
        f"phase {row.number} ({row.name}): {each} of {row.memory_mb} MB in each region, "
        f"limits in {row.storage}; at most about ${cost:.2f} a month{but}"
    )


def _pinned(pin: Pin) -> str:
    stack = pulumi.get_stack()
    return (
        f"{pinning.described(stack, pin)} The checkout is not deployed; `flygate forward {stack}` "
        "ends the pin."
    )


def _export(stack: StackConfig, app: FlyApp, planned: RedisPlan | None, release: Release) -> None:
    pulumi.export("app", stack.app)
    pulumi.export("url", app.url)
    pulumi.export("redis", planned.name if planned else None)
    pulumi.export("phase", release.history.apply(lambda past: _newest(past, "phase")))
    pulumi.export("release", release.history.apply(lambda past: _newest(past, "version")))
    pulumi.export("image", release.history.apply(lambda past: _newest(past, "image")))
    pulumi.export("receipt", release.history.apply(_receipt))
    pulumi.export("machines", release.history.apply(lambda past: _newest(past, "machines")))
    pulumi.export("pin", stack.pin.model_dump() if stack.pin else None)
    pulumi.export("running", release.running)
    pulumi.export(COPY, release.ledger)
    # Not secret at all, but long: as a secret it takes one line of Pulumi's screen.
    pulumi.export("history", pulumi.Output.secret(release.history))


def _receipt(history: list[dict[str, Any]]) -> dict[str, Any] | None:
    if not history:
        return None
    return Receipt.of(pulumi.get_stack(), history[0]).model_dump(mode="json")


def _newest(history: list[dict[str, Any]], key: str) -> Any:
    return history[0][key] if history else None
