"""What serves after a way back, as Fly shows it: the report says what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flygate.fly.errors import FlyError
from flygate.rollout.execution import Execution
from flygate.rollout.state import Seen, State, observe
from flygate.rollout.target import Target
from flygate.system.polling import poll

# A check may just be failing, or a machine be on its way up.
SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Standing:
    """Attributes:
    target: what was taken back.
    state: what runs; None if Fly did not say.
    made: the ids of the new machines.
    before: the ids of the former machines that served when it began.
    """

    target: Target
    state: State | None
    made: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()

    @property
    def former(self) -> list[Seen]:
        """Return the machines of the former release that serve."""
        return [m for m in self._former_all if m.answers]

    @property
    def new(self) -> list[Seen]:
        """Return the machines of what was taken back that get requests."""
        machines = self.state.machines if self.state else ()
        return [
            m
            for m in machines
            if m.id in self.made and m.serves and m.release != self.target.former
        ]

    @property
    def may_withdraw(self) -> bool:
        """Return whether the new machines may go: something else serves, or nothing did."""
        return self.target.former is None or bool(self.former) or (not self.new and self._is_known)

    @property
    def is_as_before(self) -> bool:
        """Return whether all former machines that served do, or one at least where none did."""
        if self.target.former is None:
            return self._is_known and not self.new
        return bool(self.former) and self.before <= {m.id for m in self.former}

    def sentence(self) -> str:
        """Return what serves."""
        if not self._is_known:
            return "Fly does not say what serves."
        if self.target.former is None:
            return self._nothing_before()
        name, all_ = self.target.former_name, self._former_all
        if self.is_as_before:
            return f"{name} serves as before."
        if self.former:
            return f"{len(self.former)} of {len(all_)} machines of {name} serve{self._beside()}."
        return f"No machine of {name} serves{self._beside()}."

    def _nothing_before(self) -> str:
        if self.new:
            return f"{self.target.name} serves still ({_names(self.new)})."
        return "There was no former release to go back to; nothing is left running."

    def _beside(self) -> str:
        if not self.new:
            return ""
        return f"; {self.target.name} stays in service ({_names(self.new)})"

    @property
    def _is_known(self) -> bool:
        return self.state is not None

    @property
    def _former_all(self) -> tuple[Seen, ...]:
        return self.state.of(self.target.former or 0) if self.state else ()


async def seen_to_stand(execution: Execution) -> Standing:
    """Look who serves, and give those who are not there yet a moment."""
    made = frozenset(member.id for member in execution.made.values())
    before = frozenset(member.id for member in execution.former)

    async def look() -> Standing:
        return Standing(execution.target, await _state(execution), made, before)

    return await poll(
        look, lambda standing: standing.is_as_before, every=POLL_SECONDS, within=SECONDS
    )


async def _state(execution: Execution) -> State | None:
    try:
        return await observe(execution.fly, execution.app)
    except FlyError:
        return None


def _names(machines: list[Seen]) -> str:
    return ", ".join(machine.name for machine in machines)
