"""How the first release changes the shape of an app: numbers, sizes, and what would be lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flygate.adoption.live_app import LiveApp, LiveMachine
from flygate.flytoml import FlyToml
from flygate.manifest import Group, Manifest
from flygate.record import diff

# What says nothing of how a machine runs, or is each machine's own.
_OF_EACH: Final = frozenset({"image", "metadata", "mounts"})


def losses(live: LiveApp, desired: Manifest, file: FlyToml) -> Iterator[str]:
    """Yield what the first release would take away, and that was not asked for; a line each."""
    wanted = {group.name: group for group in desired.groups}
    for name, machines in live.groups.items():
        if (group := wanted.get(name)) is None:
            yield from _without_group(name, machines)
            continue
        yield from _stranded(group, machines)
        view = next(one for one in file.groups if one.group == name)
        if not view.values.vm:
            yield from _smaller(group, machines)


def sizes(live: LiveApp, desired: Manifest) -> Iterator[str]:
    """Yield how many machines there will be, and how those of a group differ now."""
    wanted = {group.name: group for group in desired.groups}
    for name, machines in live.groups.items():
        yield from _numbers(name, machines, wanted.get(name))
        first, *more = machines
        for one in more:
            if found := [str(change) for change in diff.changes(_plain(first), _plain(one))]:
                yield (
                    f"{one.name} ({one.id}) is not as {first.name}, and both become as the "
                    f"release says: {'; '.join(found)}"
                )


def _without_group(name: str, machines: list[LiveMachine]) -> Iterator[str]:
    volumes = ", ".join(machine.volume for machine in machines if machine.volume)
    if volumes:
        yield (
            f"fly.toml has no process group {name}, whose machines have volumes ({volumes}). Add "
            "it to [processes] and [mounts], or destroy these machines first."
        )


def _stranded(group: Group, machines: list[LiveMachine]) -> Iterator[str]:
    where = ", ".join(group.regions)
    for machine in machines:
        if not machine.volume:
            continue
        if group.volume is None:
            yield (
                f"{machine.name} ({machine.id}) has the volume {machine.volume}, and fly.toml "
                f"mounts none for {group.name}. Add it to [mounts]."
            )
        elif machine.region not in group.regions:
            yield (
                f"{machine.name} ({machine.id}) has the volume {machine.volume} in "
                f"{machine.region}, and {group.name} would run in {where}: a volume can't move. A "
                f"group without a service runs in the first region: make {machine.region} "
                "primary_region in fly.toml."
            )


def _smaller(group: Group, machines: list[LiveMachine]) -> Iterator[str]:
    """fly.toml says no size, so that of `fly scale` would be forgotten."""
    guests = [machine.config.get("guest") or {} for machine in machines]
    largest = max(guests, key=lambda guest: guest.get("memory_mb", 0))
    then = group.config.get("guest", {})
    less = [key for key in ("cpus", "memory_mb") if then.get(key, 0) < largest.get(key, 0)]
    if less:
        words = "\n".join(
            (
                "    [[vm]]",
                f'    processes = ["{group.name}"]',
                f'    cpu_kind = "{largest.get("cpu_kind", "shared")}"',
                f"    cpus = {largest.get('cpus', 1)}",
                f"    memory_mb = {largest.get('memory_mb', 256)}",
            )
        )
        yield (
            f"the machines of {group.name} have {_guest(largest)}, which fly.toml does not say: "
            f"they would get {_guest(then)}. Add to fly.toml:\n{words}"
        )


def _guest(guest: Mapping[str, Any]) -> str:
    return f"{guest.get('cpus')} CPUs and {guest.get('memory_mb')} MB"


def _numbers(name: str, machines: list[LiveMachine], group: Group | None) -> Iterator[str]:
    here = Counter(machine.region for machine in machines)
    now = ", ".join(f"{number} in {region}" for region, number in sorted(here.items()))
    if group is None:
        yield f"{name}: {now} → none, as fly.toml has no such process group"
        return
    then = Counter(dict.fromkeys(group.regions, group.machines))
    if then != here:
        later = ", ".join(f"{number} in {region}" for region, number in sorted(then.items()))
        yield f"{name}: {now} → {later}; a group runs as many in each of its regions"


def _plain(machine: LiveMachine) -> dict[str, Any]:
    return {key: one for key, one in machine.config.items() if key not in _OF_EACH}
