"""The new machines of a release, step by step, and what an earlier run has made of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flygate.manifest import Group
from flygate.rollout.gates.gate import Gate
from flygate.rollout.plan import Stage
from flygate.rollout.state import STANDBY, Seen, State
from flygate.rollout.steps import Admit, Adopt, Launch, Slot, Step
from flygate.rollout.strategies import gating
from flygate.rollout.target import Target


@dataclass(frozen=True, slots=True)
class Fleet:
    """Attributes:
    batches: the places that each step fills, over all regions.
    made: name → machine of a place that an earlier run of the same manifest filled well.
    """

    target: Target
    batches: tuple[tuple[Slot, ...], ...]
    made: dict[str, Seen]

    @classmethod
    def of(cls, state: State, target: Target, steps: Iterable[int | str]) -> Fleet:
        """Lay the places of the leading group out.

        Args:
            steps: how many machines each region has after each step: a number or "25%".
        """
        return cls.of_group(state, target, target.manifest.leading, steps)

    @classmethod
    def of_group(
        cls, state: State, target: Target, group: Group, steps: Iterable[int | str]
    ) -> Fleet:
        """Lay the places of a group out; see `of`."""
        batches = tuple(_batches(target, group, _totals(group.machines, steps)))
        names = {slot.name for batch in batches for slot in batch}
        made = {m.name: m for m in state.of(target.version) if m.name in names}
        well = {n: m for n, m in made.items() if _is_well(m, target, state.secrets)}
        return cls(target, batches, well)

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Return all places."""
        return tuple(slot for batch in self.batches for slot in batch)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all machines."""
        return tuple(slot.name for slot in self.slots)

    @property
    def reached(self) -> int:
        """Return the step that an earlier run came to; 0 if there was none, or not all is well."""
        filled = [all(s.name in self.made for s in batch) for batch in self.batches]
        begun = [any(s.name in self.made for s in batch) for batch in self.batches]
        complete = filled.index(False) if False in filled else len(filled)
        return min(complete + 1, begun.count(True))

    def stages(
        self, number: int, *, proving: tuple[Gate, ...], serving: tuple[Gate, ...]
    ) -> tuple[Stage, Stage]:
        """Return a step: its machines are made and proved, then they get requests and are watched.

        Args:
            number: of the step, from 1.
        """
        batch = self.batches[number - 1]
        names = tuple(slot.name for slot in batch)
        of = f" {number}/{len(self.batches)}" if len(self.batches) > 1 else ""
        return (
            Stage(f"launch{of}", tuple(map(self._enter, batch)), proving, names),
            Stage(f"admit{of}", tuple(map(Admit, names)), serving, names),
        )

    def all_stages(self) -> Iterator[tuple[Stage, Stage]]:
        """Each step with its gates. What an earlier run has passed is not judged for long again."""
        for number in range(1, len(self.batches) + 1):
            passed = number < self.reached
            accepted = number == self.reached and bool(self.target.accepted)
            yield self.stages(
                number,
                proving=self.proving(number),
                serving=gating.serving(self.target, soak=not passed and not accepted),
            )

    def proving(self, number: int) -> tuple[Gate, ...]:
        """Return the gates before the machines of a step get requests.

        The very first machine is tried by a stop, unless an earlier run has let clients to it.
        """
        first = self.made.get(self.batches[0][0].name)
        is_free = first is None or first.cordoned
        return gating.proving(self.target, restart=number == 1 and is_free)

    def _enter(self, slot: Slot) -> Step:
        machine = self.made.get(slot.name)
        return Adopt(machine) if machine else Launch(slot)


def _totals(machines: int, steps: Iterable[int | str]) -> list[int]:
    """Machines in each region after each step, growing; a step that adds none is left out."""
    totals: list[int] = []
    for step in steps:
        share = machines * int(step[:-1]) / 100 if isinstance(step, str) else step
        total = min(machines, math.ceil(share))
        if total > (totals[-1] if totals else 0):
            totals.append(total)
    return totals


def _batches(target: Target, group: Group, totals: list[int]) -> Iterator[tuple[Slot, ...]]:
    for step, (before, total) in enumerate(zip([0, *totals], totals, strict=False), start=1):
        yield tuple(
            Slot(
                target.version,
                region,
                number,
                step,
                group=group.name,
                is_only_group=not target.manifest.others,
            )
            for region in group.regions
            for number in range(before + 1, total + 1)
        )


def _is_well(machine: Seen, target: Target, secrets: str) -> bool:
    """Return whether a rollout can go on with the machine, also if the proxy suspended it.

    One that got no requests yet may have been made a moment ago: whether it is well its gates say,
    so that what a plan says of it does not depend on that moment.

    Args:
        secrets: the app's, as they are before the release sets its own. If they are not those that
            the machine was made with, a way back has begun since, and it may have started with the
            former values.
    """
    if machine.manifest != target.manifest_id or machine.role == STANDBY:
        return False
    if machine.noted_secrets not in {"", secrets}:
        return False
    if machine.cordoned:
        return machine.state in {"created", "starting", "started"}
    return machine.healthy and machine.serves
