"""`Make`: the first machine of a place, with its volume."""

from __future__ import annotations

from dataclasses import dataclass

from flygate.manifest import Volume
from flygate.rollout.execution import Execution
from flygate.rollout.steps.creation import create, destroy_made
from flygate.rollout.steps.machine_request import machine_request
from flygate.rollout.steps.place import Place
from flygate.rollout.steps.step import Turn


@dataclass(frozen=True, slots=True)
class Make:
    """Make a machine for a place; it gets no traffic yet.

    A volume that no machine has is used again, as flyctl does. So data outlives its machine.

    Attributes:
        name: of the machine; that of the place unless another machine has it.
    """

    place: Place
    name: str
    turn = Turn.REMOVE

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"make {self.name}"

    async def apply(self, execution: Execution) -> str:
        """Find or make the volume, and create the machine, cordoned and leased to us."""
        place = self.place
        group = execution.target.manifest.group(place.group)
        volume = await self._volume(execution, group.volume) if group.volume else ""
        request = machine_request(execution, group, place=place.name, volume=volume)
        made = await create(
            execution, request, name=self.name, region=place.region, group=place.group
        )
        on = f" on {volume}" if volume else ""
        return f"{self.name} is {made} in {place.region}{on}"

    async def undo(self, execution: Execution) -> None:
        """Destroy the machine. The volume stays: the next machine of the place uses it."""
        await destroy_made(execution, self.name)

    async def _volume(self, execution: Execution, wanted: Volume) -> str:
        """Return the id of a volume that no machine has."""
        region, app = self.place.region, execution.app
        for volume in await execution.fly.volumes.list(app):
            if volume.is_free and (volume.name, volume.region) == (wanted.name, region):
                return volume.id
        made = await execution.fly.volumes.create(
            app,
            name=wanted.name,
            region=region,
            size_gb=wanted.size_gb,
            snapshot_retention=wanted.snapshot_retention,
            scheduled_snapshots=wanted.scheduled_snapshots,
        )
        return made.id
