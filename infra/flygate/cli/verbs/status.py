"""`flygate status`: what runs now, and from which release."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

import typer

from flygate.cli.arguments.stack_name import StackName
from flygate.cli.output import last_rollout, screen, seen_volumes
from flygate.cli.output.seen_volumes import SeenVolume
from flygate.cli.stack.pin import recorded
from flygate.cli.stack.stack import Stack
from flygate.config import Pin
from flygate.config.stack_file import StackFile
from flygate.doctor.errors import UnknownError
from flygate.doctor.facts import Facts
from flygate.doctor.paid_redis import ConfiguredRedis, PaidRedis, find
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.errors import FlyError
from flygate.fly.models import Volume
from flygate.record import pinning
from flygate.redaction.redact import Redactor
from flygate.rollout import serving
from flygate.rollout.state import Seen, State, observe
from flygate.system.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Status:
    """What Pulumi's state and Fly say."""

    stack: str
    app: str
    url: str
    release: str
    phase: int
    image: str
    pinned: str
    pin: dict[str, Any] | None
    machines: list[Seen]
    serves: str
    last_rollout: str
    redis: list[dict[str, Any]]
    volumes: list[SeenVolume]


def status(
    environment: StackName = "local",
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """What runs: the release, its address, its machines and their checks.

    \b
    Examples:
      flygate status
      flygate status prod --json
    """
    stack = Stack(environment)
    outputs = stack.outputs()
    databases = asyncio.run(_databases(stack, is_released=bool(outputs.get("release"))))
    if not outputs.get("release"):
        print(f"Nothing was released to {environment} yet. Deploy: pulumi up --stack {environment}")
        _show_databases(databases, environment)
        return
    pin = recorded(outputs)
    app = outputs["app"]
    state, volumes = _seen(stack, app)
    found = Status(
        stack=environment,
        app=app,
        url=outputs["url"],
        release=outputs["release"],
        phase=outputs["phase"],
        image=outputs["image"],
        pinned=pin.version if pin else "",
        pin=pin.model_dump() if pin else None,
        machines=list(state.machines),
        serves=serving.describe(state),
        last_rollout=last_rollout.summary(stack.root, app, environment),
        redis=[one.document(environment) for one in databases],
        volumes=volumes,
    )
    if as_json:
        print(json.dumps(asdict(found), indent=2))
    else:
        _show(found)
        _show_databases(databases, environment)


async def _databases(stack: Stack, *, is_released: bool) -> list[PaidRedis]:
    """Return those that cost money; none if this token may not see them: `doctor` says so."""
    async with Facts(stack) as facts:
        try:
            written = ConfiguredRedis.read(StackFile.read(stack.root, stack.name))
            configured = written or await ConfiguredRedis.of_facts(facts)
            return await find(facts, configured, is_released=is_released)
        except (UnknownError, FlyError, ConfigError):
            return []


def _show_databases(databases: list[PaidRedis], stack: str) -> None:
    for one in databases:
        print(f"Redis {one.line(stack)}", flush=True)


def _seen(stack: Stack, app: str) -> tuple[State, list[SeenVolume]]:
    """Return the newest machines first. Why one is held may quote a machine, so it is redacted."""
    found, volumes = asyncio.run(_observed(app, Endpoints.from_env(stack.environment)))
    machines = sorted(found.machines, key=lambda m: (-m.release, m.region, m.name))
    if any(machine.held for machine in machines):
        redact = Redactor(stack.secret_texts())
        machines = [replace(machine, held=redact(machine.held)) for machine in machines]
    return replace(found, machines=tuple(machines)), seen_volumes.of(volumes, machines)


async def _observed(app: str, endpoints: Endpoints) -> tuple[State, list[Volume]]:
    async with FlyClient(endpoints) as fly:
        return await asyncio.gather(observe(fly, app), fly.volumes.list(app))


def _show(found: Status) -> None:
    console = screen.console()
    console.print(f"{found.app}  {found.url}")
    console.print(f"release {found.release}, phase {found.phase}")
    if found.pin:
        # A console would wrap it.
        print(pinning.notice(found.stack, Pin.model_validate(found.pin)))
    # A machine keeps its name when a rollback wakes it: its release is another one then.
    has_groups = len({machine.group for machine in found.machines}) > 1
    group = ["group"] if has_groups else []
    table = screen.table("machine", *group, "id", "release", "region", "state", "role", "checks")
    for machine in found.machines:
        role = f"{machine.role}, cordoned" if machine.cordoned else machine.role
        if machine.share is not None:
            role += f", {machine.share} % of the clients"
        checks = (
            ("passing" if machine.healthy else "failing") if machine.state == "started" else "-"
        )
        where = (machine.id, f"v{machine.release}", machine.region)
        group = [machine.group] if has_groups else []
        table.add_row(machine.name, *group, *where, machine.state, role, checks)
    console.print(table)
    for volume in found.volumes:
        print(volume.line)
    print(f"{found.serves}.")
    if found.last_rollout:
        print(found.last_rollout)
