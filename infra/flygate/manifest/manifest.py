"""`Manifest`: the public half, as plain JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from flygate.manifest.course import Course
from flygate.manifest.gates import Gates
from flygate.manifest.group import APP, VARIABLE, Group
from flygate.manifest.release_command import ReleaseCommand
from flygate.manifest.volume import Volume


class Manifest(BaseModel):
    """The public half.

    The leading process group is the one that serves; `config`, `regions` and `machines` are its.

    Attributes:
        image: by digest.
        config: the machine config, without image and metadata, with the environment.
        machines: how many in each region.
        secrets: the names of the secrets; the values are in the ledger's secret sets.
        volume, in_place: of the leading group, see `Group`.
        others: the other process groups.
        release_command: what runs before anything serves, or None.

    Defaults of the last four are left out of the JSON, so that releases of before these keys keep
    their manifest's id.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    app: str
    image: str
    config: dict[str, Any]
    phase: int
    regions: tuple[str, ...]
    machines: int
    secrets: tuple[str, ...] = ()
    gates: Gates = Gates()
    rollout: Course = Course()
    volume: Volume | None = None
    in_place: bool = False
    others: tuple[Group, ...] = ()
    release_command: ReleaseCommand | None = None

    @model_serializer(mode="wrap")
    def _without_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = dump(self)
        later = ("volume", "in_place", "others", "release_command")
        return {key: value for key, value in found.items() if value or key not in later}

    @property
    def leading(self) -> Group:
        """The group that serves, which the limiter's gates and the judge are about."""
        return Group(
            name=self.env.get(VARIABLE, APP),
            config=self.config,
            regions=self.regions,
            machines=self.machines,
            volume=self.volume,
            in_place=self.in_place,
        )

    @property
    def groups(self) -> tuple[Group, ...]:
        """All process groups, the leading one first."""
        return (self.leading, *self.others)

    def group(self, name: str) -> Group:
        """Return the process group of a name.

        Raises:
            KeyError: there is none.
        """
        return {group.name: group for group in self.groups}[name]

    @property
    def env(self) -> dict[str, str]:
        """The environment of the machines, without secrets."""
        env: dict[str, str] = self.config.get("env", {})
        return env

    @property
    def web_port(self) -> int | None:
        """Where the HTTP service listens in its machine; None for a worker."""
        return self.leading.web_port

    @property
    def is_public(self) -> bool:
        """Whether the app's public address leads to it."""
        return self.leading.is_public

    @property
    def count(self) -> int:
        """Machines of all groups in all regions together."""
        return sum(group.count for group in self.groups)

    def of_groups(self, groups: Iterable[Group], **changes: Any) -> Manifest:
        """Return the manifest with other process groups, of which none has a release command.

        Args:
            groups: one at least. The leading one is that of this manifest's leading group's name,
                else the first with a web service, else the first.
            changes: to other fields.
        """
        found = list(groups)
        named = (group for group in found if group.name == self.leading.name)
        web = (group for group in found if group.web_port is not None)
        leading = next(named, None) or next(web, None) or found[0]
        of_leading = {
            "config": leading.config,
            "regions": leading.regions,
            "machines": leading.machines,
            "volume": leading.volume,
            "in_place": leading.in_place,
            "others": tuple(group for group in found if group is not leading),
            "release_command": None,
        }
        return self.model_copy(update={**of_leading, **changes})

    def with_secrets(self, names: Iterable[str]) -> Manifest:
        """Return the manifest with more secrets."""
        return self.model_copy(update={"secrets": tuple(sorted({*self.secrets, *names}))})

    def id(self, secret_set: str) -> str:
        """Return the manifest's id: 12 hex digits over its public half and its secret set's id."""
        text = canonical(self.model_dump(mode="json")) + secret_set
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def canonical(value: Any) -> str:
    """Write JSON that is the same text for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
