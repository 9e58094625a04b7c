"""A Fly in memory: apps, machines, secrets, release records, databases; all plain objects."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.simulation.machine import Json, Lease, PaperMachine, Temper, Witness
from tests.simulation.refusal import RefusalError

_RECORDS = frozenset({"running", "complete", "failed", "interrupted"})


@dataclass(slots=True)
class PaperApp:
    """An app with what hangs on it."""

    name: str
    org: str
    machines: dict[str, PaperMachine] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    secrets_version: int = 0
    ips: list[Json] = field(default_factory=list)

    @property
    def living(self) -> list[PaperMachine]:
        """The machines that were not destroyed, oldest first."""
        return [m for m in self.machines.values() if m.exists]

    @property
    def serving(self) -> list[PaperMachine]:
        """The machines that answer requests through the proxy now."""
        return [m for m in self.machines.values() if m.serves]


class PaperFly:
    """All of it.

    Args:
        clock: unix seconds.
        temper: how long things take for the next machine.

    Attributes:
        records: Fly's own entries of releases, by id.
        databases: Redis databases, by name.
        images: digest → archive.
        has_all_images: whatever is asked for.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        temper: Callable[[], Temper] = Temper,
        witness: Witness | None = None,
    ) -> None:
        self.clock = clock
        self.witness = witness or Witness()
        self.apps: dict[str, PaperApp] = {}
        self.records: dict[str, Json] = {}
        self.databases: dict[str, Json] = {}
        self.images: dict[str, bytes] = {}
        self.has_all_images = False
        self._temper = temper
        self._numbers = itertools.count(1)

    def new_id(self) -> str:
        """One that was never given."""
        return f"{next(self._numbers):014x}"

    def app(self, name: str) -> PaperApp:
        """An app."""
        if name not in self.apps:
            raise RefusalError(404, f"Could not find App {name!r}")
        return self.apps[name]

    def create_app(self, name: str, org: str) -> PaperApp:
        """A new one; names are unique."""
        if name in self.apps:
            raise RefusalError(422, "Validation failed: Name has already been taken")
        self.apps[name] = PaperApp(name, org)
        return self.apps[name]

    def machine(self, app: str, machine_id: str) -> PaperMachine:
        """A machine; a destroyed one is known still."""
        found = self.app(app).machines.get(machine_id)
        if found is None:
            raise RefusalError(404, f"machine not found: invalid machine ID, '{machine_id}'")
        return found

    def living(self, app: str, machine_id: str) -> PaperMachine:
        """A machine that can be changed."""
        found = self.machine(app, machine_id)
        if not found.exists:
            raise RefusalError(404, f"machine not found: machine {machine_id} is destroyed")
        return found

    def held(self, app: str, machine_id: str, nonce: str) -> PaperMachine:
        """Return a machine if the caller has the nonce to change it."""
        found = self.living(app, machine_id)
        self.check_holder(found, nonce)
        return found

    def check_holder(self, machine: PaperMachine, nonce: str) -> None:
        """Refuse a caller without the lease of a machine that is leased."""
        lease = machine.live_lease(self.clock())
        if lease and lease.nonce != nonce:
            raise RefusalError(
                409, f"machine ID {machine.id} lease currently held by {lease.owner}"
            )

    def create_machine(self, app_name: str, body: Json) -> PaperMachine:
        """A new machine, which starts; its name is unique within the app."""
        app = self.app(app_name)
        if any(m.name == body["name"] for m in app.living):
            text = f'machine ID with name "{body["name"]}" already exists'
            raise RefusalError(422, f"already_exists: unique machine name violation, {text}")
        if body.get("min_secrets_version", 0) > app.secrets_version:
            raise RefusalError(412, "failed_precondition: secrets version is not available")
        machine = PaperMachine(
            id=self.new_id(),
            name=body["name"],
            region=body.get("region") or "iad",
            config=body["config"],
            variables=lambda: app.secrets,
            temper=self._temper(),
            new_id=self.new_id,
            witness=self.witness,
            cordoned=bool(body.get("skip_service_registration")),
            instance_id=self.new_id(),
            made_at=asyncio.get_running_loop().time(),
        )
        app.machines[machine.id] = machine
        machine.launch()
        return machine

    def take_lease(self, machine: PaperMachine, nonce: str, ttl: int, description: str) -> Lease:
        """A new lease, or the same for longer."""
        self.check_holder(machine, nonce)
        now = self.clock()
        current = machine.live_lease(now)
        if nonce and current is None:
            raise RefusalError(404, "lease not found")
        machine.lease = Lease(
            nonce=current.nonce if current else self.new_id(),
            expires_at=int(now) + ttl,
            owner="deployer@tokens.fly.io",
            description=description or (current.description if current else ""),
        )
        return machine.lease

    def lease(self, machine: PaperMachine) -> Lease:
        """The lease that holds."""
        if (found := machine.live_lease(self.clock())) is None:
            raise RefusalError(404, "lease not found")
        return found

    def set_secrets(self, app: PaperApp, values: dict[str, str | None]) -> int:
        """Set or remove; machines that start from now on see it."""
        for name, value in values.items():
            if value is None:
                app.secrets.pop(name, None)
            else:
                app.secrets[name] = value
        app.secrets_version += 1
        return app.secrets_version

    def open_record(self, app: str) -> Json:
        """The next entry of `fly releases`."""
        number = 1 + sum(one["app"] == app for one in self.records.values())
        made = {"id": self.new_id(), "app": app, "version": number, "status": "pending"}
        self.records[made["id"]] = made
        return made

    def close_record(self, record_id: str, status: str) -> Json:
        """What became of it."""
        if record_id not in self.records:
            raise RefusalError(404, "release not found")
        if status not in _RECORDS:
            raise RefusalError(422, f"no such status: {status}")
        self.records[record_id]["status"] = status
        return self.records[record_id]

    def make_database(self, wanted: Json) -> Json:
        """A Redis, which costs money."""
        name = wanted["name"]
        if name in self.databases:
            raise RefusalError(422, "Name has already been taken")
        self.databases[name] = {
            "id": self.new_id(),
            "name": name,
            "primaryRegion": wanted["primaryRegion"],
            "readRegions": wanted["readRegions"],
            "options": wanted["options"],
            "metadata": {},
            "publicUrl": f"redis://default:{self.new_id()}@{name}.upstash.io:6379",
            "organization": {"slug": "personal"},
            "addOnPlan": {"id": wanted["planId"], "name": wanted["planId"], "displayName": ""},
        }
        return self.databases[name]


def shown_secrets(app: PaperApp) -> Iterator[Json]:
    """Names and digests."""
    for name, value in app.secrets.items():
        text = f"{app.name}/{name}/{value}"
        yield {"name": name, "digest": hashlib.sha256(text.encode()).hexdigest()[:16]}


def machine_json(machine: PaperMachine) -> dict[str, Any]:
    """As the Machines API shows it."""
    return {
        "id": machine.id,
        "name": machine.name,
        "state": machine.state,
        "region": machine.region,
        "instance_id": machine.instance_id,
        "private_ip": "fdaa::1",
        "cordoned": machine.cordoned,
        "created_at": datetime.fromtimestamp(machine.made_at, UTC).isoformat(),
        "config": machine.config,
        "checks": machine.checks(),
        "events": machine.events,
    }
