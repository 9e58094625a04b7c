"""The Fly app: there, ours, in the right organisation, with its addresses."""

from __future__ import annotations

from collections.abc import Sequence

from flygate.commands.drift import lacking
from flygate.config import StackConfig
from flygate.doctor.errors import UnknownError
from flygate.doctor.facts import APP, Facts
from flygate.doctor.finding import Finding, broken, ok, skipped, warning
from flygate.fly.models import App


async def examine(facts: Facts) -> Sequence[Finding]:
    """Check the app as Fly shows it."""
    desired = await facts.config()
    try:
        app = await facts.app()
    except UnknownError as exc:
        if exc.check != APP:
            raise
        return [
            broken(
                f"Fly does not show {desired.app}: {exc}",
                "choose another name if it is not yours, or a token of its organisation",
            )
        ]
    if app is None:
        return [await _absent(facts, desired.app)]
    found = judge(app, desired)
    lacks = lacking(await (await facts.fly()).ips(desired.app))
    found += [broken(line, facts.deploy) for line in lacks]
    return found or [ok(f"{app.name} in {app.organization.slug} is {app.status}")]


def judge(app: App, desired: StackConfig) -> list[Finding]:
    """Return what is wrong with an app that exists."""
    found = []
    owner = app.organization.slug
    if owner and owner != desired.org:
        found.append(
            broken(
                f"{app.name} is in the organisation {owner}, not in {desired.org}",
                f"pulumi config set org {owner}, or another app name",
            )
        )
    if app.status == "suspended" and desired.row.minimum_running:
        found.append(
            warning(
                f"Fly has suspended {app.name}: none of its machines runs",
                "`flygate status` shows the machines; are the organisation's bills paid?",
            )
        )
    return found


async def _absent(facts: Facts, name: str) -> Finding:
    if (await facts.outputs()).get("release"):
        return broken(f"the app {name} is gone, though a release was made", facts.deploy)
    return skipped(f"{name} is not deployed yet: {facts.deploy}")
