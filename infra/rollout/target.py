"""What a rollout shall bring about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Target:
    """A manifest as the release that it becomes.

    Attributes:
        version: of the new release.
        former: the version that runs, or None at the first release.
        drift: what the new machines remember, see `infra/ops/drift.py`.
        secrets, former_secrets: name → value, of the new and of the former release.
        url: the app's public address.
    """

    version: int
    manifest: Manifest
    manifest_id: str
    url: str
    former: int | None = None
    drift: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    former_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """`v7`."""
        return f"v{self.version}"

    @property
    def former_name(self) -> str:
        """`v6`, or words for none."""
        return f"v{self.former}" if self.former else "no former release"
