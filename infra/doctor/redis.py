"""The Redis that keeps the limits, where the phase keeps them there."""

from __future__ import annotations

from collections.abc import Sequence

from infra.doctor.finding import Finding, broken, ok, skipped
from infra.doctor.patient import Patient

URL = "REDIS_URL"


async def examine(patient: Patient) -> Sequence[Finding]:
    """The machines know where it is."""
    stack = await patient.config()
    if stack.row.storage != "redis":
        return [skipped(f"phase {stack.phase} keeps its limits in memory")]
    if await patient.app() is None:
        return [skipped(f"not deployed yet: {patient.deploy}")]
    names = {secret.name for secret in await (await patient.fly()).secrets(stack.app)}
    if URL not in names:
        return [broken(f"{stack.app} has no secret {URL}", patient.deploy)]
    return [ok(f"{URL} is attached")]
