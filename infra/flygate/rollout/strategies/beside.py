"""`Beside`: the other process groups whose machines are replaced, such as workers.

All of a group's new machines start beside the former ones, which go on working until the end: a
group that must not run twice is one to keep in place (`rollout.in_place`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flygate.rollout.plan import Stage
from flygate.rollout.state import Seen, State
from flygate.rollout.strategies import gating
from flygate.rollout.strategies.fleet import Fleet
from flygate.rollout.target import Target


@dataclass(frozen=True, slots=True)
class Beside:
    """Attributes:
    fleets: group → its new machines.
    """

    target: Target
    fleets: dict[str, Fleet]

    @classmethod
    def of(cls, state: State, target: Target) -> Beside:
        """Lay out the places of all groups but the leading one and those that are kept."""
        groups = [group for group in target.manifest.others if not group.is_kept]
        return cls(target, {g.name: Fleet.of_group(state, target, g, ("100%",)) for g in groups})

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all machines."""
        return tuple(name for fleet in self.fleets.values() for name in fleet.names)

    @property
    def made(self) -> tuple[Seen, ...]:
        """Return the machines that an earlier run made, and that this one goes on with."""
        return tuple(machine for fleet in self.fleets.values() for machine in fleet.made.values())

    def stages(self) -> Iterator[Stage]:
        """Each group is started and has to stay up, before anything of the release serves."""
        for group, fleet in self.fleets.items():
            launch, admit = fleet.stages(1, proving=gating.alive(self.target), serving=())
            yield Stage(f"launch {group}", launch.steps, launch.gates, launch.judged)
            yield Stage(f"admit {group}", admit.steps)

    def check(self) -> Iterator[Stage]:
        """All must be up still when the leading group has proved itself."""
        if self.names:
            yield Stage("check", (), gating.alive(self.target, is_again=True), self.names)
