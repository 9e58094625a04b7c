"""The world → State: what runs now, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

from infra.fly.client import FlyClient
from infra.fly.models import Machine

RELEASE_KEY = "flygate_release"
MANIFEST_KEY = "flygate_manifest"
ROLE_KEY = "flygate_role"
DRIFT_KEY = "flygate_drift"
COUNT_KEY = "flygate_count"
# A new machine is a candidate until its release stands, then live, and standby once it retired.
CANDIDATE = "candidate"
LIVE = "live"
STANDBY = "standby"


@dataclass(frozen=True, slots=True)
class Seen:
    """One machine of ours, as Fly shows it.

    Attributes:
        release: its version, 0 where its metadata says nothing that we understand.
        role: `candidate`, `live` or `standby`.
        drift, count: what its release noted: see `infra/ops/drift.py`.
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

    @property
    def serves(self) -> bool:
        """It gets requests from the proxy; a suspended one is woken by them."""
        return self.state in {"started", "suspended"} and not self.cordoned


@dataclass(frozen=True, slots=True)
class State:
    """What an app runs now."""

    app: str
    machines: tuple[Seen, ...] = ()

    def of(self, release: int) -> tuple[Seen, ...]:
        """The machines of one release."""
        return tuple(m for m in self.machines if m.release == release)


async def observe(fly: FlyClient, app: str) -> State:
    """Read the machines that Flygate made; others are left alone."""
    machines = await fly.machines(app)
    return State(app=app, machines=tuple(seen(m) for m in machines if RELEASE_KEY in m.metadata))


def seen(machine: Machine) -> Seen:
    """A machine as the plan sees it."""
    metadata = machine.metadata
    version = metadata.get(RELEASE_KEY, "").removeprefix("v")
    count = metadata.get(COUNT_KEY, "")
    return Seen(
        id=machine.id,
        name=machine.name,
        region=machine.region,
        state=machine.state,
        release=int(version) if version.isdigit() else 0,
        manifest=metadata.get(MANIFEST_KEY, ""),
        role=metadata.get(ROLE_KEY, LIVE),
        cordoned=machine.cordoned,
        healthy=all(check.status == "passing" for check in machine.checks),
        drift=metadata.get(DRIFT_KEY, ""),
        count=int(count) if count.isdigit() else 0,
    )
