"""`Kept`: the machines that each release changes in place, as no two of a place can be there.

A machine with a volume can't be replaced by one beside it, and a group such as a scheduler must not
run twice. They are changed one after the other, each is proved before the next, and a failure gives
all of them back what they had.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flygate.rollout.gates.gate import Gate
from flygate.rollout.plan import Stage
from flygate.rollout.state import STANDBY, Seen, State
from flygate.rollout.steps import Admit, Make, Place, Readmit, Step, Update
from flygate.rollout.strategies import gating
from flygate.rollout.target import Target


@dataclass(frozen=True, slots=True)
class Kept:
    """Attributes:
    places: in the order in which they change: the leading group's come last, and within a group
        those where nothing serves come first, so that one serves while another changes.
    filled: the name of a place → the machine that fills it, and goes on to. One whose group has got
        a volume, or lost it, is replaced: Fly takes no volume off a machine.
    taken: the names that machines have.
    serving: the machines that serve now.
    """

    target: Target
    places: tuple[Place, ...]
    filled: dict[str, Seen]
    serving: tuple[Seen, ...] = ()
    taken: frozenset[str] = frozenset()

    @classmethod
    def of(cls, state: State, target: Target) -> Kept:
        """Lay out the places of the manifest, and find the machines that fill them."""
        places = tuple(places_of(target))
        filled: dict[str, Seen] = {}
        for place in places:
            has_volume = target.manifest.group(place.group).volume is not None
            here = [
                m for m in state.machines if m.place == place.name and bool(m.volume) == has_volume
            ]
            if here:
                filled[place.name] = max(here, key=lambda m: (m.role != STANDBY, m.release))
        serving = tuple(m for m in state.machines if m.serves and m.role != STANDBY)
        groups = [group.name for group in (*target.manifest.others, target.manifest.leading)]

        def turn(place: Place) -> tuple[int, bool]:
            machine = filled.get(place.name)
            return groups.index(place.group), machine is not None and machine in serving

        taken = frozenset(machine.name for machine in state.machines)
        return cls(target, tuple(sorted(places, key=turn)), filled, serving, taken)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names by which the steps know the machines of all places."""
        return tuple(map(self._name, self.places))

    @property
    def machines(self) -> tuple[Seen, ...]:
        """Return the machines that fill places."""
        return tuple(self.filled.values())

    def stages(self) -> Iterator[Stage]:
        """Place by place: changed or made, proved, and given requests."""
        ready: set[str] = set()  # groups of which a machine has its turn behind it
        for number, place in enumerate(self.places, start=1):
            of = f" {number}/{len(self.places)}" if len(self.places) > 1 else ""
            machine, name = self.filled.get(place.name), self._name(place)
            serves = bool(self.target.manifest.group(place.group).config.get("services"))
            drained = place.group in ready or (
                serves and machine is not None and has_others(machine, self.serving)
            )
            if serves:
                ready.add(place.group)
            if machine is None:
                yield Stage(f"make{of}", (Make(place, name),), self._proving(place), (name,))
                yield Stage(f"admit{of}", (Admit(name),), self._serving(place), (name,))
                continue
            step: Step = Update(place, machine, drained)
            yield Stage(f"update{of}", (step,), self._proving(place), (name,))
            yield Stage(f"admit{of}", (Readmit(name),), self._serving(place), (name,))

    def _name(self, place: Place) -> str:
        """Return the name of a place; with the release before it for a second machine there."""
        is_second = place.name not in self.filled and place.name in self.taken
        return f"{self.target.name}-{place.name}" if is_second else place.name

    def _proving(self, place: Place) -> tuple[Gate, ...]:
        if place.group == self.target.manifest.leading.name and not self.target.desired.is_fast:
            return gating.proving(self.target)
        return gating.alive(self.target)

    def _serving(self, place: Place) -> tuple[Gate, ...]:
        if place.group == self.target.manifest.leading.name and not self.target.desired.is_fast:
            return gating.serving(self.target, soak=False)
        return ()


def has_others(machine: Seen, serving: Iterable[Seen]) -> bool:
    """Return whether another machine of its group serves while it changes."""
    return any(m.group == machine.group and m.id != machine.id for m in serving)


def places_of(target: Target) -> Iterator[Place]:
    """Yield the places of a manifest."""
    manifest = target.manifest
    for group in (*manifest.others, manifest.leading):
        if group.is_kept:
            for region in group.regions:
                yield from (Place(group.name, region, n) for n in range(1, group.machines + 1))
