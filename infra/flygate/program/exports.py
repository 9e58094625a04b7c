"""The stack's outputs."""

from __future__ import annotations

from typing import Any

import pulumi

from flygate.config import StackConfig
from flygate.config.promotion import Receipt
from flygate.fly.redis import RedisSpec
from flygate.program.components.app import FlyApp
from flygate.program.components.release import Release
from flygate.record.stack_record import COPY


def export(stack: StackConfig, app: FlyApp, redis: RedisSpec | None, release: Release) -> None:
    """Export what `flygate status`, `promote` and the next deployment read."""
    pulumi.export("app", stack.app)
    pulumi.export("url", app.url)
    pulumi.export("redis", redis.name if redis else None)
    pulumi.export("phase", release.history.apply(lambda past: _newest(past, "phase")))
    pulumi.export("release", release.history.apply(lambda past: _newest(past, "version")))
    pulumi.export("image", release.history.apply(lambda past: _newest(past, "image")))
    pulumi.export("receipt", release.history.apply(_receipt))
    pulumi.export("machines", release.history.apply(lambda past: _newest(past, "machines")))
    pulumi.export("pin", stack.pin.model_dump() if stack.pin else None)
    pulumi.export("running", release.running)
    pulumi.export(COPY, release.ledger)
    # It holds no secret, but it is long: as a secret it takes one line of Pulumi's screen.
    pulumi.export("history", pulumi.Output.secret(release.history))


def _receipt(history: list[dict[str, Any]]) -> dict[str, Any] | None:
    if not history:
        return None
    return Receipt.of(pulumi.get_stack(), history[0]).model_dump(mode="json")


def _newest(history: list[dict[str, Any]], key: str) -> Any:
    return history[0][key] if history else None
