"""`Pulumi.<stack>.yaml`: valid, and everything chosen and generated that must be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from flygate import config
from flygate.config import Pin, StackConfig
from flygate.config.generated_secrets import GENERATED
from flygate.config.stack_file import NO_IMAGE, is_placeholder
from flygate.doctor.errors import UnknownError
from flygate.doctor.facts import Facts
from flygate.doctor.finding import Finding, broken, ok, warning
from flygate.pulumi.errors import LOCAL_STACK
from flygate.record import pinning


async def examine(facts: Facts) -> Sequence[Finding]:
    """Check that the program would take it."""
    try:
        stack, secrets = await facts.config(), await facts.secrets()
    except UnknownError as exc:
        if exc.check == "backend":
            raise
        return [broken(_flat(str(exc)), f"edit Pulumi.{facts.name}.yaml: docs/configuration.md")]
    found = [
        *await _pins(facts, stack),
        *judge(stack, secrets, facts.name, is_on_local_fly=facts.is_on_local_fly),
    ]
    return found or [ok(f"phase {stack.phase} ({stack.row.name}) of {stack.app} in {stack.org}")]


def judge(
    stack: StackConfig, secrets: Mapping[str, str], name: str, *, is_on_local_fly: bool
) -> list[Finding]:
    """Return what is valid and yet not right."""
    init = f"flygate init {name}"
    if is_placeholder(stack.app):
        return [broken(f"flygate:app is the template's, {stack.app}", init)]
    found: list[Finding] = []
    if NO_IMAGE in stack.image and not stack.promotion:
        found.append(
            broken("flygate:image is the template's", f"flygate image build --push {name}")
        )
    if stack.image == config.SOURCE and not is_on_local_fly and not stack.promotion:
        found.append(
            broken(
                f"flygate:image is {config.SOURCE}, which only the local Fly can run",
                f"flygate image build --push {name}",
            )
        )
    missing = [] if name == LOCAL_STACK else sorted(set(GENERATED) - set(secrets))
    if missing:
        found.append(warning(f"secrets are missing: {', '.join(missing)}", init))
    return found


def judge_pins(configured: Pin | None, recorded: Pin | None, name: str) -> list[Finding]:
    """Return what is pinned, and whether a deployment from this checkout would be refused for it.

    Args:
        configured: the pin of the stack's file.
        recorded: the one that the last deployment left.
    """
    if recorded is None:
        return [_stale(configured, name)] if configured else []
    text = pinning.described(name, recorded)
    if configured is None or configured.manifest != recorded.manifest:
        text += " This checkout does not carry the pin: its `pulumi up` is refused."
    else:
        text += " The checkout is not deployed."
    return [warning(text, f"flygate forward {name}, when the pin shall end")]


async def _pins(facts: Facts, stack: StackConfig) -> list[Finding]:
    outputs = await facts.outputs()
    found = outputs.get("pin")
    return judge_pins(stack.pin, Pin.model_validate(found) if found else None, facts.name)


def _stale(configured: Pin, name: str) -> Finding:
    text = (
        f"Pulumi.{name}.yaml carries a pin to {configured.version}, and the stack is not pinned: "
        "another checkout went forward, or the rollback is not done"
    )
    return warning(text, f"pulumi config rm pin --stack {name}")


def _flat(text: str) -> str:
    """Return an error of several lines on one."""
    lines: Iterable[str] = filter(None, map(str.strip, text.splitlines()))
    return re.sub(r":; ", ": ", "; ".join(lines))
