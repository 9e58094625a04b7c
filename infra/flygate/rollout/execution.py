"""What the steps and the gates of one rollout share: the client, the target, what was made."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Any

from flygate.fly.client import FlyClient
from flygate.fly.models import ReleaseRecord
from flygate.record.journal import Journal
from flygate.rollout.machine.life import Uptimes
from flygate.rollout.machine.member import Member
from flygate.rollout.target import Target


def _new_id() -> str:
    return secrets.token_hex(4)


@dataclass(slots=True)
class Execution:
    """What the steps and the gates of one rollout share.

    Attributes:
        made: name → machine, of the new release's machines that there are so far.
        former: the machines of the former release that serve, to compare with.
        verdicts: gate → its last verdict in words, of the gates that let the rollout go on.
        secrets_version: Fly's version of the app's secrets, from which new machines read.
        secrets: stands for their values, as `State.secrets` does.
        record: Fly's own entry for this release, if it took one.
        id: of this rollout; what it makes carries it.
        command_has_run: the release command has exited with 0; what it changed stays.
        before: place → the config that its machine had before this rollout changed it.
        in_place: held while a kept machine is given its former config back.
        uptimes: how long the new machines have been up, as the gates see them.
    """

    fly: FlyClient
    target: Target
    journal: Journal
    made: dict[str, Member] = field(default_factory=dict)
    former: tuple[Member, ...] = ()
    verdicts: dict[str, str] = field(default_factory=dict)
    secrets_version: int = 0
    secrets: str = ""
    record: ReleaseRecord | None = None
    id: str = field(default_factory=_new_id)
    command_has_run: bool = False
    before: dict[str, dict[str, Any]] = field(default_factory=dict)
    in_place: asyncio.Lock = field(default_factory=asyncio.Lock)
    uptimes: Uptimes = field(default_factory=Uptimes)

    @property
    def app(self) -> str:
        """Return the app's name."""
        return self.target.manifest.app
