"""`LiveApp`: an app as another tool, such as flyctl, has made it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flygate.fly.client import FlyClient
from flygate.fly.errors import FlyError
from flygate.fly.machine_image import by_digest
from flygate.fly.models import Secret, Volume
from flygate.manifest.group import APP
from flygate.rollout.state import (
    ADOPTED,
    GROUP_KEY,
    MANIFEST_KEY,
    PLATFORM_KEY,
    PLATFORM_VERSION,
    RELEASE_KEY,
    digest,
)

# Groups of flyctl's own: a release command, a console, a test.
_OF_FLYCTL: Final = "fly_app_"


@dataclass(frozen=True, slots=True)
class LiveMachine:
    """A machine, with its whole config.

    Attributes:
        image: by digest, if Fly says it.
    """

    id: str
    name: str
    region: str
    state: str
    instance: str
    config: Mapping[str, Any]
    image: str = ""

    @property
    def metadata(self) -> Mapping[str, str]:
        """Return its metadata."""
        return self.config.get("metadata") or {}

    @property
    def group(self) -> str:
        """Return its process group."""
        return self.metadata.get(GROUP_KEY, APP)

    @property
    def volume(self) -> str:
        """Return the id of its volume, or empty."""
        return next((str(one.get("volume", "")) for one in self.config.get("mounts") or ()), "")

    @property
    def is_adoptable(self) -> bool:
        """Whether it runs a process group as flyctl deploys it."""
        is_deployed = self.metadata.get(PLATFORM_KEY) == PLATFORM_VERSION
        is_own = self.group.startswith(_OF_FLYCTL) or bool(self.config.get("schedule"))
        return is_deployed and not is_own and not self.is_standby

    @property
    def is_standby(self) -> bool:
        """Whether Fly starts it when another machine stops."""
        return bool(self.config.get("standbys"))

    @property
    def is_flygate_s(self) -> bool:
        """Whether Flygate has made it; one that an adoption has marked is still to be adopted."""
        return RELEASE_KEY in self.metadata and self.metadata.get(MANIFEST_KEY) != ADOPTED


@dataclass(frozen=True, slots=True)
class LiveApp:
    """Attributes:
    machines: those that are not destroyed, by region and name.
    addresses: the public ones.
    certificates: host names.
    """

    app: str
    machines: tuple[LiveMachine, ...]
    secrets: tuple[Secret, ...] = ()
    volumes: tuple[Volume, ...] = ()
    addresses: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()

    @property
    def adoptable(self) -> list[LiveMachine]:
        """Return the machines that become the first release."""
        return [machine for machine in self.machines if machine.is_adoptable]

    @property
    def others(self) -> Iterator[LiveMachine]:
        """Yield the machines that are left alone."""
        return (machine for machine in self.machines if not machine.is_adoptable)

    @property
    def groups(self) -> dict[str, list[LiveMachine]]:
        """Return the adoptable machines by process group."""
        found: dict[str, list[LiveMachine]] = {}
        for machine in self.adoptable:
            found.setdefault(machine.group, []).append(machine)
        return found

    @property
    def secrets_digest(self) -> str:
        """Return one text for all secrets, as releases note it."""
        return digest(self.secrets)


async def look(fly: FlyClient, app: str) -> LiveApp:
    """Read an app.

    Raises:
        FlyError: Fly does not show it.
    """
    documents, secrets, volumes, addresses, certificates = await asyncio.gather(
        fly.machine_documents(app),
        fly.secrets(app),
        fly.volumes.list(app),
        fly.ips(app),
        _certificates(fly, app),
    )
    machines = sorted(map(_machine, documents), key=lambda one: (one.region, one.name))
    return LiveApp(
        app=app,
        machines=tuple(machines),
        secrets=tuple(secrets),
        volumes=tuple(volumes),
        addresses=tuple(one.ip for one in addresses),
        certificates=certificates,
    )


def _machine(document: Mapping[str, Any]) -> LiveMachine:
    return LiveMachine(
        id=str(document["id"]),
        name=str(document.get("name", "")),
        region=str(document.get("region", "")),
        state=str(document.get("state", "")),
        instance=str(document.get("instance_id", "")),
        config=document.get("config") or {},
        image=by_digest(document),
    )


async def _certificates(fly: FlyClient, app: str) -> tuple[str, ...]:
    """Return the host names; none if the token may not see them."""
    try:
        return tuple(await fly.certificates(app))
    except FlyError:
        return ()
