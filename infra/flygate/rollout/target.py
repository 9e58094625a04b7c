"""What a rollout aims at: the desired release, as a version over what runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from flygate.config import Strategy
from flygate.manifest import Manifest
from flygate.rollout.desired import DesiredRelease
from flygate.system import duration


@dataclass(frozen=True, slots=True)
class Target:
    """The desired release as the version that it becomes.

    Attributes:
        version: of the new release; 0 before what runs is known.
        former: the version that runs, or None at the first release.
        former_manifest, former_manifest_id: of the former release; None where the ledger has none.
        drift: what the new machines remember, see `infra/flygate/commands/drift.py`.
        former_secrets: name → value, of the former release.
        key, former_key: what the engine's requests to the machines are signed with; empty where
            there is none yet.
        is_former_known: the ledger has the former release, so its secrets are known.
        url: the app's public address.
        at: when the plan is made, in unix seconds; older standby machines may go.
        runs_command: the manifest's release command is to run before anything is made.
        accepted: why an operator lets a held rollout go on, or empty.
        owner, holder: of the machines: see `Seen`.
    """

    version: int
    desired: DesiredRelease
    url: str = ""
    former: int | None = None
    former_manifest: Manifest | None = None
    former_manifest_id: str = ""
    drift: str = ""
    former_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    key: str = field(default="", repr=False)
    former_key: str = field(default="", repr=False)
    is_former_known: bool = True
    at: float = 0.0
    runs_command: bool = False
    accepted: str = ""
    owner: str = ""
    holder: str = ""

    @property
    def manifest(self) -> Manifest:
        """Return what runs then."""
        return self.desired.manifest

    @property
    def manifest_id(self) -> str:
        """Return the id that the machines of this manifest carry."""
        return self.desired.id

    @property
    def secrets(self) -> Mapping[str, str]:
        """Return the secret values: name → value."""
        return self.desired.secrets

    @property
    def is_rollback(self) -> bool:
        """Return whether the manifest ran before, so that its standby machines may serve again."""
        return self.desired.pin is not None

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
        return "immediate" if self.desired.is_fast else self.manifest.rollout.strategy

    def leads(self, group: str, among: Collection[str]) -> bool:
        """Return whether a group serves the clients in its release, as the leading one does here.

        Args:
            among: the groups of its release, which may have named its leading one otherwise.
        """
        leading = self.manifest.leading.name
        if leading in among:
            return group == leading
        return group not in {other.name for other in self.manifest.others}

    @property
    def standby_since(self) -> float:
        """Return the moment before which machines have retired that are kept no longer."""
        return self.at - duration.seconds(self.manifest.rollout.standby)
