"""What a rollout shall bring about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flygate.config import Strategy
from flygate.manifest import Manifest
from flygate.system import duration


@dataclass(frozen=True, slots=True)
class Target:
    """A manifest as the release that it becomes.

    Attributes:
        version: of the new release.
        former: the version that runs, or None at the first release.
        drift: what the new machines remember, see `infra/flygate/commands/drift.py`.
        secrets, former_secrets: name → value, of the new and of the former release.
        key, former_key: what the engine's requests to the machines are signed with; empty where
            there is none yet.
        is_former_known: the ledger has the former release, so its secrets are known.
        url: the app's public address.
        at: when the plan is made, in unix seconds; older standby machines may go.
        is_rollback: the manifest ran before, so its standby machines may serve again.
        is_fast: an emergency: all at once, with the least of gates.
        accepted: why an operator lets a held rollout go on, or empty.
        owner, holder: whose the machines are: see `Seen`.
    """

    version: int
    manifest: Manifest
    manifest_id: str
    url: str
    former: int | None = None
    drift: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    former_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    key: str = field(default="", repr=False)
    former_key: str = field(default="", repr=False)
    is_former_known: bool = True
    at: float = 0.0
    is_rollback: bool = False
    is_fast: bool = False
    accepted: str = ""
    owner: str = ""
    holder: str = ""

    @property
    def name(self) -> str:
        """`v7`."""
        return f"v{self.version}"

    @property
    def former_name(self) -> str:
        """`v6`, or words for none."""
        return f"v{self.former}" if self.former else "no former release"

    @property
    def strategy(self) -> Strategy:
        """In which order machines come and go."""
        return "immediate" if self.is_fast else self.manifest.rollout.strategy

    @property
    def standby_since(self) -> float:
        """A machine that retired before this moment is kept no longer."""
        return self.at - duration.seconds(self.manifest.rollout.standby)
