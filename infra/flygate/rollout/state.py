"""What runs now, as plain data, read from Fly."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flygate.fly.client import FlyClient
from flygate.fly.models import Machine, Secret
from flygate.fly.owner import OWNER_KEY
from flygate.manifest.group import APP
from flygate.rollout.command_machine import COMMAND_KEY, CommandMachine

RELEASE_KEY: Final = "flygate_release"
MANIFEST_KEY: Final = "flygate_manifest"
# In place of an id on machines that another tool made, and that `flygate adopt` has marked.
ADOPTED: Final = "adopted"
ROLE_KEY: Final = "flygate_role"
DRIFT_KEY: Final = "flygate_drift"
COUNT_KEY: Final = "flygate_count"
STEP_KEY: Final = "flygate_step"
ROLLOUT_KEY: Final = "flygate_rollout"
# The release was made by a rollback: see `infra/flygate/commands/decision.py`.
BACK_KEY: Final = "flygate_back"
RETIRED_KEY: Final = "flygate_retired_at"
HELD_KEY: Final = "flygate_held"
# Why operators let it go on, until the release stands: see `infra/flygate/commands/acceptance.py`.
ACCEPTED_KEY: Final = "flygate_accepted"
# What part of the clients a candidate's release has, in percent: "10".
SHARE_KEY: Final = "flygate_share"
# What the machine and the app's secrets were when the release stood: see `commands/drift.py`.
INSTANCE_KEY: Final = "flygate_instance"
SECRETS_KEY: Final = "flygate_secrets"
# The owner of the machine: the stack with the id of its state (`fly/owner.py`), and the resource
# that made its release, so that the delete of one that was replaced leaves it alone.
HOLDER_KEY: Final = "flygate_holder"
PHASE_KEY: Final = "flygate_phase"
# The process group, as flyctl notes it, and the place of a machine that releases change and keep.
GROUP_KEY: Final = "fly_process_group"
PLACE_KEY: Final = "flygate_place"
# flyctl counts the machines that have it, and a standby is none of them.
PLATFORM_KEY: Final = "fly_platform_version"
PLATFORM_VERSION: Final = "v2"
# Fly's own record of the release, which `fly status` and `fly secrets list` look up.
RECORD_KEY: Final = "fly_release_id"
RECORD_VERSION_KEY: Final = "fly_release_version"
_PLACE: Final = re.compile(r".+-[a-z]{3}-[1-9]\d{0,3}")
# A new machine is a candidate until its release stands, then live, and standby once it retired.
CANDIDATE: Final = "candidate"
LIVE: Final = "live"
STANDBY: Final = "standby"


@dataclass(frozen=True, slots=True)
class Seen:
    """One machine that Flygate made, as Fly shows it.

    Attributes:
        release: its version, 0 where its metadata says nothing that we understand.
        role: `candidate`, `live` or `standby`.
        drift, count: what its release noted: see `infra/flygate/commands/drift.py`.
        step: of the rollout that made it, from 1; 0 where it says nothing.
        is_back: a rollback made it.
        retired_at: since when it is standby, in unix seconds; 0 if it is not.
        held: why its rollout waits for an operator, or empty.
        accepted: why operators let its rollout go on, or empty.
        share: the percentage of the clients that were moved to its release, while they are moved.
        instance: Fly's id of its present config, another one after each edit.
        stops_when_idle: the proxy stops it, and starts it for a request.
        owner: the label of the stack that owns it; empty on machines of Flygate 0.1.
        holder: the tenure of the resource that made its release; empty on those, too.
        phase: of its release, 0 where it says nothing.
        noted_instance, noted_secrets: what its release noted of it, and of the app's secrets.
        group: its process group.
        place: the name of the place that it keeps, if releases change it there; else empty.
        volume: the id of its volume, or empty.
        made_at, started_at: when it was made, and last started, in milliseconds of Fly's clock; 0
            where Fly does not say it.
    """

    id: str
    name: str
    region: str
    state: str
    release: int
    manifest: str
    role: str
    cordoned: bool
    healthy: bool
    drift: str = ""
    count: int = 0
    step: int = 0
    is_back: bool = False
    retired_at: int = 0
    held: str = ""
    accepted: str = ""
    share: int | None = None
    instance: str = ""
    noted_instance: str = ""
    noted_secrets: str = ""
    stops_when_idle: bool = False
    owner: str = ""
    holder: str = ""
    phase: int = 0
    group: str = APP
    place: str = ""
    volume: str = ""
    made_at: int = 0
    started_at: int = 0

    @property
    def label(self) -> str:
        """Return its name; with its release where the name says another one.

        Fly can't rename a machine without restarting it, so one that a rollback wakes keeps the
        name that it was made with.
        """
        is_named_so = self.name.startswith(f"v{self.release}-")
        return self.name if is_named_so else f"{self.name} of v{self.release}"

    @property
    def edited(self) -> bool:
        """Return whether its config was changed after its release stood."""
        return self.noted_instance not in {"", self.instance}

    @property
    def answers(self) -> bool:
        """It gets requests, and its checks pass."""
        return self.serves and self.healthy

    @property
    def serves(self) -> bool:
        """It gets requests from the proxy; one that it put to sleep is woken by them."""
        is_idle = self.state == "stopped" and self.stops_when_idle
        return (self.state in {"started", "suspended"} or is_idle) and not self.cordoned


@dataclass(frozen=True, slots=True)
class State:
    """What an app runs now.

    Attributes:
        secrets: stands for the app's secret values, as far as Fly's digests distinguish them.
        secret_names: the names of the app's secrets.
        commands: machines in which a release command runs, or has run.
    """

    app: str
    machines: tuple[Seen, ...] = ()
    secrets: str = ""
    secret_names: frozenset[str] = frozenset()
    commands: tuple[CommandMachine, ...] = ()

    def of(self, release: int, manifest: str | None = None) -> tuple[Seen, ...]:
        """Return the machines of one release; with a manifest's id, those of it that run that."""
        ours = (m for m in self.machines if m.release == release)
        return tuple(m for m in ours if manifest is None or m.manifest == manifest)

    @property
    def ids(self) -> list[str]:
        """The ids of all machines that Flygate made."""
        return [*(m.id for m in self.machines), *(m.id for m in self.commands)]

    @property
    def owner(self) -> str:
        """The label of the stack whose release is the newest; empty if no machine has one."""
        labelled = [m for m in self.machines if m.owner]
        newest = max(labelled, key=lambda m: (m.role == LIVE, m.release), default=None)
        return newest.owner if newest else ""

    def misled(self, release: int) -> tuple[Seen, ...]:
        """Return the machines of a release that started while another one's secret values were set.

        Secrets are the app's on Fly: what starts beside an unfinished rollout reads the values of
        that, whatever its own release had.
        """
        newer = [m.made_at for m in self.machines if m.release > release and m.made_at]
        if not newer or not self.secrets_moved(release):
            return ()
        return tuple(m for m in self.of(release) if m.started_at > min(newer))

    def secrets_moved(self, release: int) -> bool:
        """Return whether the app's secrets were changed after a release stood."""
        return any(m.noted_secrets not in {"", self.secrets} for m in self.of(release))


async def observe(fly: FlyClient, app: str) -> State:
    """Read the machines that Flygate made; others are left alone."""
    machines, secrets = await asyncio.gather(fly.machines(app), fly.secrets(app))
    ours = tuple(seen(machine) for machine in machines if RELEASE_KEY in machine.metadata)
    commands = tuple(seen_command(m) for m in machines if COMMAND_KEY in m.metadata)
    return State(app, ours, digest(secrets), frozenset(map(_name, secrets)), commands)


def digest(secrets: Iterable[Secret]) -> str:
    """One short text for all secrets of an app, from Fly's own digests of their values."""
    text = "".join(f"{secret.name}={secret.digest}\n" for secret in sorted(secrets, key=_name))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _name(secret: Secret) -> str:
    return secret.name


def seen_command(machine: Machine) -> CommandMachine:
    """Return the machine of a release command as the plan sees it."""
    return CommandMachine.of(machine, machine.metadata.get(MANIFEST_KEY, ""))


def seen(machine: Machine) -> Seen:
    """Return a machine as the plan sees it."""
    metadata = machine.metadata
    return Seen(
        id=machine.id,
        name=machine.name,
        region=machine.region,
        state=machine.state,
        release=_whole(metadata.get(RELEASE_KEY, "").removeprefix("v")),
        manifest=metadata.get(MANIFEST_KEY, ""),
        role=metadata.get(ROLE_KEY, LIVE),
        cordoned=machine.cordoned,
        healthy=_is_healthy(machine),
        drift=metadata.get(DRIFT_KEY, ""),
        count=_whole(metadata.get(COUNT_KEY, "")),
        step=_whole(metadata.get(STEP_KEY, "")),
        is_back=BACK_KEY in metadata,
        retired_at=_whole(metadata.get(RETIRED_KEY, "")),
        held=metadata.get(HELD_KEY, ""),
        accepted=metadata.get(ACCEPTED_KEY, ""),
        share=_whole(metadata[SHARE_KEY]) if SHARE_KEY in metadata else None,
        instance=machine.instance_id,
        noted_instance=metadata.get(INSTANCE_KEY, ""),
        noted_secrets=metadata.get(SECRETS_KEY, ""),
        stops_when_idle=machine.stops_when_idle,
        owner=metadata.get(OWNER_KEY, ""),
        holder=metadata.get(HOLDER_KEY, ""),
        phase=_whole(metadata.get(PHASE_KEY, "")),
        group=metadata.get(GROUP_KEY, APP),
        place=_place(metadata.get(PLACE_KEY, "")),
        volume=_volume(machine),
        made_at=_milliseconds(machine.created_at),
        started_at=max((e.timestamp for e in machine.events if e.type == "start"), default=0),
    )


def _is_healthy(machine: Machine) -> bool:
    """Return whether its checks pass; they say nothing of one without traffic that is stopped."""
    return machine.is_idle or all(check.status == "passing" for check in machine.checks)


def _place(text: str) -> str:
    """Return the name of a place; empty where the text is none."""
    return text if _PLACE.fullmatch(text) else ""


def _volume(machine: Machine) -> str:
    mounts = machine.config.mounts if machine.config else []
    return next((str(mount.get("volume", "")) for mount in mounts), "")


def _milliseconds(moment: str) -> int:
    """Of an RFC 3339 text; 0 if it is none."""
    try:
        return int(datetime.fromisoformat(moment).timestamp() * 1000)
    except ValueError:
        return 0


def _whole(text: str) -> int:
    return int(text) if text.isdigit() else 0
