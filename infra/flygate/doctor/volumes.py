"""The app's volumes: which cost money though no machine has them."""

from __future__ import annotations

from collections.abc import Sequence

from flygate.config import prices
from flygate.doctor.facts import Facts
from flygate.doctor.finding import Finding, ok, skipped, warning
from flygate.fly.models import Volume


async def examine(facts: Facts) -> Sequence[Finding]:
    """Look at each; what is on it can't be known."""
    app = await facts.app()
    if app is None:
        return [skipped(f"nothing is deployed yet: {facts.deploy}")]
    return judge(app.name, await (await facts.fly()).volumes.list(app.name))


def judge(app: str, volumes: Sequence[Volume]) -> list[Finding]:
    """Name those that no machine has. None is broken: a release leaves them there on purpose."""
    if not volumes:
        return [ok(f"{app} has none")]
    left = [volume for volume in volumes if not volume.attached_machine_id]
    if not left:
        count = f"{len(volumes)} volume{'s' if len(volumes) > 1 else ''}"
        return [ok(f"{count}, each of a machine, ${_month(volumes):.2f} a month")]
    return [_left(app, volume) for volume in left]


def _left(app: str, volume: Volume) -> Finding:
    return warning(
        f"no machine has {volume.label}, which costs ${_month([volume]):.2f} a month",
        f"a new machine of its name and region takes it; if you don't need its data: `fly volumes "
        f"destroy {volume.id} -a {app}`",
    )


def _month(volumes: Sequence[Volume]) -> float:
    return sum(prices.volume_month(volume.size_gb) for volume in volumes)
