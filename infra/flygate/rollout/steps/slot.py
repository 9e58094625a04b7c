"""The place of one new machine in its release."""

from __future__ import annotations

from dataclasses import dataclass

from flygate.manifest.group import APP


@dataclass(frozen=True, slots=True)
class Slot:
    """A place; its name is the machine's name.

    Attributes:
        step: the step of the rollout that fills it, from 1.
        group: the process group; a release that has one alone leaves it out of the name.
    """

    release: int
    region: str
    number: int
    step: int = 1
    group: str = APP
    is_only_group: bool = True

    @property
    def name(self) -> str:
        """`v7-iad-1` or `v7-web-iad-1`: unique in the app, so that a create can be looked up."""
        group = "" if self.is_only_group else f"{self.group}-"
        return f"v{self.release}-{group}{self.region}-{self.number}"
