"""What Fly's answers mean to us, as typed models. Fields that we do not read are left out.

Source of the fields: the Machines API's OpenAPI document and fly-go's machine_types.go.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from flygate.fly.owner import OWNER_KEY

SIGKILL = 9


class Model(BaseModel):
    """Fly adds fields at any time: what we do not know is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Organization(Model):
    """The owner of an app."""

    slug: str = ""
    name: str = ""


class App(Model):
    """An app as the Machines API shows it. `number` is how Fly's tokens name it."""

    name: str
    id: str = ""
    number: int = Field(default=0, alias="internal_numeric_id")
    status: str = ""
    organization: Organization = Organization()


class IpAssignment(Model):
    """An address of an app."""

    ip: str
    shared: bool = False
    region: str = ""


class Secret(Model):
    """A secret's name and digest; its value can't be read back."""

    name: str
    digest: str = ""


class Redis(Model):
    """An Upstash Redis database.

    Attributes:
        plan: in Flygate's words, for example `fixed_250mb`.
        region: where it takes writes; it can't be changed.
        url: with the password in it.
        problem: what Fly says is wrong with it, or empty.
    """

    id: str
    name: str
    org: str
    plan: str
    region: str
    read_regions: tuple[str, ...] = ()
    options: dict[str, Any] = Field(default_factory=dict)
    metadata: dict[str, Any] = Field(default_factory=dict)
    url: str = Field(repr=False)
    problem: str = ""

    @property
    def owner(self) -> str:
        """The label of the stack that made it (`flygate/fly/owner.py`); empty if it has none."""
        return str(self.metadata.get(OWNER_KEY, ""))

    @property
    def evicts(self) -> bool:
        """It forgets old keys when its memory is full, instead of refusing new ones."""
        return bool(self.options.get("eviction"))


class Check(Model):
    """The latest result of one health check. `status`: passing, warning or critical."""

    name: str
    status: str = ""
    output: str = ""


class Event(Model):
    """Something that happened to a machine; `timestamp` in milliseconds."""

    type: str
    status: str = ""
    source: str = ""
    timestamp: int = 0
    request: dict[str, Any] | None = None

    @property
    def exit_code(self) -> int | None:
        """The exit code of an exit event, else None."""
        code = self._exit.get("exit_code")
        return int(code) if code is not None else None

    @property
    def was_asked_for(self) -> bool:
        """Whether it ended by itself; an exit that was requested is no crash."""
        return bool(self._exit.get("requested_stop"))

    @property
    def was_killed(self) -> bool:
        """An exit by SIGKILL: of the process itself, or as its shell or Fly's init has it."""
        signals = {self._exit.get("guest_signal"), self._exit.get("signal")}
        codes = {self._exit.get("guest_exit_code"), self.exit_code}
        return SIGKILL in signals or 128 + SIGKILL in codes or bool(self._exit.get("oom_killed"))

    @property
    def was_out_of_memory(self) -> bool:
        """An exit because the machine's memory was full."""
        return bool(self._exit.get("oom_killed"))

    @property
    def _exit(self) -> dict[str, Any]:
        """Fly has it in one of two places."""
        request = self.request or {}
        found = request.get("exit_event") or (request.get("MonitorEvent") or {}).get("exit_event")
        return found or {}


class MachineConfig(Model):
    """The part of a machine's config that we read back; it is written as a plain dict."""

    image: str = ""
    env: dict[str, str] = Field(default_factory=dict)
    metadata: dict[str, str] = Field(default_factory=dict)
    services: list[dict[str, Any]] = Field(default_factory=list)
    mounts: list[dict[str, Any]] = Field(default_factory=list)


class Machine(Model):
    """A machine as the Machines API shows it."""

    id: str
    name: str = ""
    state: str = ""
    region: str = ""
    instance_id: str = ""
    private_ip: str = ""
    cordoned: bool = False
    created_at: str = ""
    config: MachineConfig | None = None
    checks: list[Check] = Field(default_factory=list)
    events: list[Event] = Field(default_factory=list)

    @property
    def metadata(self) -> dict[str, str]:
        """The machine's metadata; empty where Fly left the config out."""
        return self.config.metadata if self.config else {}

    @property
    def unasked_exits(self) -> list[Event]:
        """The exits without a stop, the newest first, as Fly has them."""
        return [e for e in self.events if e.type == "exit" and not e.was_asked_for]

    @property
    def exit_code(self) -> int | None:
        """The code of the last exit without a stop; None if there was none."""
        codes = (event.exit_code for event in self.unasked_exits)
        return next((code for code in codes if code is not None), None)

    @property
    def is_idle(self) -> bool:
        """It was stopped, and Fly's proxy starts it for the next request."""
        return self.state == "stopped" and self.stops_when_idle

    @property
    def stops_when_idle(self) -> bool:
        """Fly's proxy stops it when no request comes, and starts it for the next request."""
        services = self.config.services if self.config else []
        return any(
            one.get("autostop") in {True, "stop"} and one.get("autostart") for one in services
        )


class Volume(Model):
    """A disk.

    Attributes:
        size_gb: as it is now.
        attached_machine_id: the machine that has it; empty if none does.
        snapshot_retention: days.
        auto_backup_enabled: Fly takes a snapshot each day.
    """

    id: str
    name: str = ""
    state: str = ""
    region: str = ""
    size_gb: int = 0
    attached_machine_id: str | None = None
    created_at: str = ""
    snapshot_retention: int | None = None
    auto_backup_enabled: bool | None = None

    @property
    def label(self) -> str:
        """Name it, with its size and its region."""
        return f"{self.name} ({self.id}, {self.size_gb} GB in {self.region})"

    @property
    def is_gone(self) -> bool:
        """Whether it was destroyed, or is about to be."""
        return "destroy" in self.state

    @property
    def is_free(self) -> bool:
        """Whether a machine can have it."""
        return self.state == "created" and not self.attached_machine_id


class Lease(Model):
    """Who holds a machine. `expires_at` in unix seconds."""

    nonce: str = ""
    owner: str = ""
    description: str = ""
    expires_at: int = 0


class ReleaseRecord(Model):
    """An entry of `fly releases`; Fly counts its `version` by itself."""

    id: str
    version: int
    status: str = ""


class ExecResult(Model):
    """What a command that ran inside a machine did."""

    exit_code: int = 0
    stdout: str = ""
    stderr: str = ""


class LogLine(Model):
    """One line that a machine printed."""

    timestamp: str = ""
    message: str = ""
    instance: str = ""
