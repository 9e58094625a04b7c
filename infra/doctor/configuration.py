"""`Pulumi.<stack>.yaml`: valid, and everything chosen and generated that must be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from infra import config
from infra.config import StackConfig
from infra.doctor.errors import Unknown
from infra.doctor.finding import Finding, broken, ok, warning
from infra.doctor.patient import LOCAL, Patient
from infra.generated import GENERATED
from infra.stack_file import NO_IMAGE, is_placeholder


async def examine(patient: Patient) -> Sequence[Finding]:
    """The program would take it."""
    try:
        stack, secrets = await patient.config(), await patient.secrets()
    except Unknown as exc:
        if exc.check == "backend":
            raise
        return [broken(_flat(str(exc)), f"edit Pulumi.{patient.name}.yaml: docs/configuration.md")]
    found = judge(stack, secrets, patient.name, is_on_local_fly=patient.is_on_local_fly)
    return found or [ok(f"phase {stack.phase} ({stack.row.name}) of {stack.app} in {stack.org}")]


def judge(
    stack: StackConfig, secrets: Mapping[str, str], name: str, *, is_on_local_fly: bool
) -> list[Finding]:
    """What is valid and yet not right."""
    init = f"flygate init {name}"
    if is_placeholder(stack.app):
        return [broken(f"flygate:app is the template's, {stack.app}", init)]
    found = []
    if stack.pin:
        text = f"pinned to {stack.pin.version} by {stack.pin.by}: the checkout is not deployed"
        found.append(warning(text, f"flygate forward {name}, when you want it to be"))
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
    missing = [] if name == LOCAL else sorted(set(GENERATED) - set(secrets))
    if missing:
        found.append(warning(f"secrets are missing: {', '.join(missing)}", init))
    return found


def _flat(text: str) -> str:
    """An error of several lines on one."""
    lines: Iterable[str] = filter(None, map(str.strip, text.splitlines()))
    return re.sub(r":; ", ": ", "; ".join(lines))
