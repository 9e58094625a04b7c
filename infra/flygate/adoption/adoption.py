"""`Adoption`: what becomes of an app that another tool has made. Pure: nothing is changed here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from flygate.adoption.live_app import LiveApp, LiveMachine
from flygate.config import StackConfig
from flygate.flytoml import FlyToml, machine_config
from flygate.flytoml.service_config import AUTOSTOP
from flygate.manifest import Group, Manifest
from flygate.record import diff

_GUEST: Final = ("cpu_kind", "cpus", "memory_mb")
_AUTOSTOP: Final[dict[Any, Any]] = {value: word for word, value in AUTOSTOP.items()}


@dataclass(frozen=True, slots=True)
class Adoption:
    """Attributes:
    settings: keys of the stack's configuration → the values by which the app keeps its shape.
    problems: what must be mended first.
    stays, left: what is as it was afterwards, and what Flygate does not touch.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    stays: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def plan(live: LiveApp, file: FlyToml, stack: StackConfig, secrets: set[str]) -> Adoption:
    """Say what an adoption means.

    Args:
        file: of the leading process group.
        stack: as it is configured now.
        secrets: the names of the stack's own.
    """
    return Adoption(
        settings=_settings(live, file, stack),
        problems=tuple(_problems(live)),
        stays=tuple(_stays(live, secrets)),
        left=tuple(_left(live)),
    )


def running(live: LiveApp, like: Manifest) -> Manifest:
    """Return the manifest that says what runs now.

    Args:
        like: the manifest of the stack, for what machines do not say.
    """
    groups = (
        Group.of_machines(name, there[0].config, sorted({m.region for m in there}), _in_each(there))
        for name, there in live.groups.items()
    )
    found = like.of_groups(groups)
    return found.model_copy(update={"image": live.groups[found.leading.name][0].image})


def changes(live: LiveApp, desired: Manifest) -> list[str]:
    """Return what the stack's first release changes, a line each."""
    if not live.adoptable:
        return []
    now = running(live, desired).model_dump(mode="json")
    then = desired.model_dump(mode="json")
    for key in ("gates", "rollout", "release_command", "secrets", "phase", "app"):
        now.pop(key, None)
        then.pop(key, None)
    return [str(change) for change in diff.manifest_changes(_said(now), _said(then))]


def _settings(live: LiveApp, file: FlyToml, stack: StackConfig) -> dict[str, Any]:
    """Keep regions, numbers and sizes."""
    found: dict[str, Any] = {}
    groups = live.groups
    leading = groups.get(file.group, [])
    regions = _regions(leading or live.adoptable, file)
    if regions and regions != stack.regions:
        found["regions"] = list(regions)
    if (machines := _in_each(leading)) and machines != stack.row.machines:
        found["machines"] = machines
    count = {
        view.group: number
        for view in file.groups[1:]
        if (number := _count(groups.get(view.group, []), view)) > 1
    }
    if count and count != stack.count:
        found["count"] = count
    return found | _sizing(leading, file, stack)


def _count(machines: list[LiveMachine], file: FlyToml) -> int:
    """Return how many each region needs: what has no service runs in one region only."""
    return _in_each(machines) if machine_config(file).get("services") else len(machines)


def _sizing(leading: list[LiveMachine], file: FlyToml, stack: StackConfig) -> dict[str, Any]:
    """Let the file decide on what it says, and keep what it does not say."""
    values = file.values
    service = values.http_service or next(iter(values.services), None)
    stops = service.auto_stop_machines if service else None
    says = bool(values.vm) or stops is not None or bool(service and service.concurrency)
    found: dict[str, Any] = {"sizing": "fly.toml"} if says and stack.sizing == "phase" else {}
    if not leading:
        return found
    if not values.vm:
        guest = max((one.config.get("guest") or {} for one in leading), key=_size)
        own = {key: guest[key] for key in _GUEST if key in guest}
        if own != {key: getattr(stack.row, key) for key in own}:
            found["guest"] = own
    services = leading[0].config.get("services") or ()
    if services and stops is None:
        autostop = _AUTOSTOP.get(services[0].get("autostop"), "off")
        if autostop != stack.row.autostop:
            found["autostop"] = autostop
    return found


def _size(guest: Mapping[str, Any]) -> tuple[int, int]:
    return guest.get("memory_mb", 0), guest.get("cpus", 0)


def _regions(machines: list[LiveMachine], file: FlyToml) -> tuple[str, ...]:
    here = sorted({machine.region for machine in machines})
    primary = file.values.primary_region
    return tuple(sorted(here, key=lambda region: region != primary))


def _in_each(machines: list[LiveMachine]) -> int:
    """Return how many are in the region that has most."""
    return max(Counter(machine.region for machine in machines).values(), default=0)


def _problems(live: LiveApp) -> Iterator[str]:
    if not live.adoptable:
        yield (
            f"{live.app} has no machine that `fly deploy` made. Deploy to it as to a new app: "
            "`pulumi up`."
        )
    for machine in live.machines:
        if machine.is_flygate_s:
            yield f"{machine.name} ({machine.id}) is a machine of Flygate's already."
        if machine.is_standby:
            yield (
                f"{machine.name} ({machine.id}) is a standby, which Fly starts when its machine "
                f"stops: a release stops that. Destroy it: `fly machine destroy {machine.id} --app "
                f"{live.app}`."
            )
    for name, machines in live.groups.items():
        images = {machine.image for machine in machines}
        if len(images) > 1:
            yield (
                f"the machines of {name} run {len(images)} images, so an earlier deployment was "
                "not finished. Finish it: `fly deploy`."
            )


def _stays(live: LiveApp, secrets: set[str]) -> Iterator[str]:
    names = ", ".join(
        f"{group} {len(machines)} ({', '.join(sorted({m.region for m in machines}))})"
        for group, machines in live.groups.items()
    )
    yield f"machines: {names}; they are marked as release v1, and not restarted"
    if unknown := sorted(secret.name for secret in live.secrets if secret.name not in secrets):
        yield (
            f"secrets: {', '.join(unknown)} keep the values that Fly has. Flygate does not know "
            "them: it changes and restores none of them, until you set them for the stack"
        )
    for volume in live.volumes:
        has_it = volume.attached_machine_id or "no machine"
        yield f"volume {volume.name} ({volume.id}, {volume.size_gb} GB, of {has_it})"
    if live.addresses:
        yield f"addresses: {', '.join(live.addresses)}"
    if live.certificates:
        yield f"certificates: {', '.join(live.certificates)}"


def _left(live: LiveApp) -> Iterator[str]:
    for machine in live.others:
        if not machine.is_standby and not machine.is_flygate_s:
            yield (
                f"{machine.name} ({machine.id}) belongs to no process group that `fly deploy` "
                "made, and is left alone"
            )


def _said(value: Any) -> Any:
    """Leave out what says nothing, at any depth: flyctl writes some of it."""
    if isinstance(value, Mapping):
        said = {key: _said(one) for key, one in value.items()}
        return {key: one for key, one in said.items() if one not in (None, [], {})}
    return [_said(one) for one in value] if isinstance(value, list | tuple) else value
