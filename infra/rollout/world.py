"""What the steps and the gates of one rollout share: the client, the target, what was made."""

from __future__ import annotations

from dataclasses import dataclass, field

from infra.fly.client import FlyClient
from infra.rollout.journal import Journal
from infra.rollout.target import Target


@dataclass(slots=True)
class World:
    """The outside of one rollout.

    Attributes:
        made: slot name → machine id, of the machines that this rollout created.
        secrets_version: Fly's version of the app's secrets, from which new machines read.
    """

    fly: FlyClient
    target: Target
    journal: Journal
    made: dict[str, str] = field(default_factory=dict)
    secrets_version: int = 0

    @property
    def app(self) -> str:
        """The app's name."""
        return self.target.manifest.app
