"""`CommandMachine`: the machine in which a release command runs, or has run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from flygate.fly.models import Machine

# The release whose command it is: `v7`. Such a machine is of no release, and never serves.
COMMAND_KEY: Final = "flygate_command"
_OVER: Final = frozenset({"stopped", "failed", "destroying", "destroyed"})


@dataclass(frozen=True, slots=True)
class CommandMachine:
    """As Fly shows it.

    Attributes:
        release: `v7`.
        manifest: the id of the manifest whose command it is.
        exit_code: None while it runs, and where Fly does not say it.
        seconds: how long it ran, by Fly's clock; None while it runs, and where Fly does not say it.
    """

    id: str
    name: str
    release: str
    manifest: str
    state: str
    exit_code: int | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, machine: Machine, manifest: str) -> Self:
        """Read it off a machine.

        Args:
            manifest: the id that its metadata has.
        """
        return cls(
            id=machine.id,
            name=machine.name,
            release=machine.metadata[COMMAND_KEY],
            manifest=manifest,
            state=machine.state,
            exit_code=machine.exit_code,
            seconds=_seconds(machine),
        )

    def is_of(self, release: str, manifest: str) -> bool:
        """Return whether it is of this very release.

        Args:
            release: `v7`.
        """
        return (self.release, self.manifest) == (release, manifest)

    @property
    def is_over(self) -> bool:
        """Whether the command has ended."""
        return self.state in _OVER

    @property
    def has_succeeded(self) -> bool:
        """Whether it has done its work."""
        return self.is_over and self.exit_code == 0


def _seconds(machine: Machine) -> float | None:
    starts = [event.timestamp for event in machine.events if event.type == "start"]
    exits = [event.timestamp for event in machine.events if event.type == "exit"]
    return (max(exits) - min(starts)) / 1000 if starts and exits else None


def name_of(release: str) -> str:
    """`v7-release-command`."""
    return f"{release}-release-command"
