"""`SeenVolume`: a volume of the app, as `flygate status` shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flygate.config import prices
from flygate.fly.models import Volume
from flygate.rollout.state import Seen


@dataclass(frozen=True, slots=True)
class SeenVolume:
    """One volume.

    Attributes:
        machine: the id of the machine that has it; empty if none has.
        machine_name, group: of that machine; empty too if Flygate did not make it.
        monthly_cost: dollars.
    """

    id: str
    name: str
    size_gb: int
    region: str
    machine: str
    machine_name: str
    group: str
    monthly_cost: float

    @property
    def line(self) -> str:
        """Describe it for a screen."""
        text = f"volume {self.name} ({self.id}, {self.size_gb} GB in {self.region})"
        if not self.machine:
            return f"{text}: no machine has it; ${self.monthly_cost:.2f} a month"
        return f"{text} of {self.machine_name or self.machine}"


def of(volumes: Iterable[Volume], machines: Sequence[Seen]) -> list[SeenVolume]:
    """Return them by name and region, those that no machine has at the end."""
    by_id = {machine.id: machine for machine in machines}
    found = [_seen(volume, by_id.get(volume.attached_machine_id or "")) for volume in volumes]
    return sorted(found, key=lambda one: (not one.machine, one.name, one.region, one.id))


def _seen(volume: Volume, machine: Seen | None) -> SeenVolume:
    return SeenVolume(
        id=volume.id,
        name=volume.name,
        size_gb=volume.size_gb,
        region=volume.region,
        machine=volume.attached_machine_id or "",
        machine_name=machine.name if machine else "",
        group=machine.group if machine else "",
        monthly_cost=prices.volume_month(volume.size_gb),
    )
