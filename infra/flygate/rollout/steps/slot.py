"""The place of one new machine in its release."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slot:
    """A place; its name is the machine's name.

    Attributes:
        step: the step of the rollout that fills it, from 1.
    """

    release: int
    region: str
    number: int
    step: int = 1

    @property
    def name(self) -> str:
        """`v7-iad-1`: unique within the app, so that a create can be looked up."""
        return f"v{self.release}-{self.region}-{self.number}"
