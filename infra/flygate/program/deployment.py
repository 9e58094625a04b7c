"""A stack's deployment, as a table of contents: desired → observed → planned → declared.

`pulumi up` → this → `config` → `manifest` → `components` → `flygate op …` (see `flygate.commands`).
"""

from __future__ import annotations

import os

import pulumi

from flygate.commands.orders import Orders
from flygate.program import exports, inputs, redis_plan, summary
from flygate.program.components.app import FlyApp
from flygate.program.components.names import APP, REDIS, RELEASE
from flygate.program.components.redis import UpstashRedis
from flygate.program.components.release import Release
from flygate.program.components.state import checkpoint
from flygate.program.desired_stack import DesiredStack
from flygate.program.observation import observe
from flygate.program.pin import with_pin
from flygate.program.pinned_redis import PinnedRedis
from flygate.program.preview_log import PreviewLog
from flygate.program.preview_note import PreviewNote
from flygate.program.release_inputs import ReleaseInputs
from flygate.record.stack_record import StackRecord
from flygate.system import project, space
from flygate.system.errors import FlygateError


def run() -> None:
    """Declare the stack; report what is wrong with its configuration without a stack trace.

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
    space.check(space.folders(project.root(), os.environ))
    recorded = StackRecord.of(checkpoint())
    owner = inputs.owner(recorded)
    raw = with_pin(inputs.raw(), recorded, owner, Orders.from_env())
    desired = DesiredStack.read(raw, is_redis_secret=inputs.is_secret("redis"), root=project.root())
    stack, log = desired.stack, PreviewLog(PreviewNote(project.root(), desired.stack.app))
    summary.announce(desired, log)

    pinned_redis = PinnedRedis.of(desired, recorded)
    observed = observe(desired, recorded, owner, pinned_redis, log)
    redis_spec = desired.redis_spec(observed.redis)

    app = FlyApp(APP, stack, observed.drift, recorded, owner)
    redis = (
        UpstashRedis(REDIS, stack, redis_spec, observed, owner, _after(app)) if redis_spec else None
    )
    made = redis.url if redis else None
    url = redis_plan.url(desired, observed.redis, pinned_redis, made)
    release_inputs = ReleaseInputs(desired, recorded, observed, owner, url)
    plan = summary.plan(release_inputs, redis_spec, log)
    protect = pulumi.ResourceOptions(protect=stack.protect)
    after = pulumi.ResourceOptions.merge(_after(app, redis), protect)
    release = Release(
        RELEASE, release_inputs.request, release_inputs.variables, recorded, plan, after
    )
    exports.export(stack, app, redis_spec, release)


def _after(*resources: pulumi.Resource | None) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(depends_on=[one for one in resources if one])
