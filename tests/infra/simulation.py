"""A model of what steps do to an app, so that plans can be tried by the thousand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from flygate.rollout.plan import Plan
from flygate.rollout.state import CANDIDATE, LIVE, STANDBY, Seen, State
from flygate.rollout.steps import (
    Admit,
    Adopt,
    Destroy,
    Launch,
    ResetSecrets,
    Retire,
    Revive,
    SetSecrets,
    Settle,
    Step,
    Turn,
    Wake,
)
from flygate.rollout.target import Target


class Simulation:
    """The machines of an app, by name."""

    def __init__(self, state: State, target: Target) -> None:
        self.target = target
        self.machines = {machine.name: machine for machine in state.machines}
        self.secrets = "new"  # as a rollout that died may leave them
        self.started_with: dict[str, str] = {}

    @property
    def state(self) -> State:
        """As the engine would observe it."""
        return State("shop", tuple(self.machines.values()))

    def serving(self, release: int | None) -> set[str]:
        """The names of a release's machines that get requests."""
        return {m.name for m in self.machines.values() if m.release == release and m.serves}

    def run(self, plan: Plan) -> None:
        """All of it, without a failure."""
        for stage in (*plan.stages, *plan.final):
            self.apply(stage.steps)

    def apply(self, steps: Iterable[Step]) -> None:
        """Some steps."""
        for step in steps:
            self._enter(step)
            self._leave(step)

    def _enter(self, step: Step) -> None:
        match step:
            case SetSecrets():
                self.secrets = "new"
            case ResetSecrets():
                self.secrets = "former"
            case Launch(slot):
                assert slot.name not in self.machines, "the name is taken"
                self.machines[slot.name] = self._new(slot.name, slot.region)
                self.started_with[slot.name] = self.secrets
            case Adopt(machine) | Wake(machine):
                self._start(machine.name)
            case Admit(name):
                self._change(name, cordoned=False)
            case Settle(name):
                release = self.target.version
                self._change(name, role=LIVE, release=release, retired_at=0, held="")

    def _leave(self, step: Step) -> None:
        match step:
            case Revive(machine):
                self._start(machine.name)
                self._change(machine.name, cordoned=False, role=LIVE, healthy=True)
            case Retire(machine):
                self._rest(machine)
            case Destroy(machine):
                del self.machines[machine.name]

    def undo(self, done: Iterable[Step]) -> None:
        """The way back, in its order."""
        for step in sorted((s for s in done if s.turn), key=lambda s: s.turn or Turn.VALUES):
            match step:
                case SetSecrets():
                    self.secrets = "former"
                case Retire(machine):
                    self._start(machine.name)
                    self._change(machine.name, cordoned=False, role=LIVE)
                case Admit(name):
                    self._change(name, cordoned=True)
                case Launch(slot):
                    del self.machines[slot.name]
                case Adopt(machine):
                    del self.machines[machine.name]
                case Wake(machine):
                    self._rest(machine)

    def _new(self, name: str, region: str) -> Seen:
        return Seen(
            id=f"new-{name}",
            name=name,
            region=region,
            state="started",
            release=self.target.version,
            manifest=self.target.manifest_id,
            role=CANDIDATE,
            cordoned=True,
            healthy=True,
        )

    def _start(self, name: str) -> None:
        if self.machines[name].state != "started":
            self.started_with[name] = self.secrets
        self._change(name, state="started", healthy=True)

    def _rest(self, machine: Seen) -> None:
        since = machine.retired_at or int(self.target.at)
        self._change(machine.name, state="stopped", cordoned=True, role=STANDBY, retired_at=since)

    def _change(self, name: str, **changes: object) -> None:
        self.machines[name] = replace(self.machines[name], **changes)  # type: ignore[arg-type]
