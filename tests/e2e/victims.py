"""Whom `kill -9` hits while a command runs: Pulumi's processes, ours, Fly's, and the service's."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.ending import APP
from tests.e2e.project import Project

Words = list[str]
LOCAL_FLY, NEW, OLD, REDIS = "the local Fly", "a new machine", "an old machine", "Redis"
PULUMI, PLUGIN, HOST, ENGINE = "pulumi", "the plugin", "the language host", "the engine"

# The engine runs as `flygate op release`, which the plugin has started, which Pulumi has started.
# The stand-ins for Pulumi's own programs are Python modules.
PROCESSES: dict[str, Callable[[Words], object]] = {
    PULUMI: lambda words: words[:1] and Path(words[0]).name == "pulumi",
    PLUGIN: lambda words: _is(
        words, "pulumi-resource-command", "scripts.toolchain.standins.command_provider"
    ),
    HOST: lambda words: _is(
        words, "pulumi-language-python", "scripts.toolchain.standins.language_host"
    ),
    ENGINE: lambda words: words[-2:] == ["op", "release"],
    REDIS: lambda words: _is(words, "valkey-server", "redis-server"),
}
_ROLES = {NEW: "candidate", OLD: "live"}


def strike(project: Project, victim: str) -> list[int]:
    """Kill it, if it is there at this moment.

    Returns:
        The numbers of the processes that were killed.
    """
    return [pid for pid in present(project, victim) if _kill(pid)]


def present(project: Project, victim: str) -> list[int]:
    """The numbers of its processes; those of one machine, if it is a machine."""
    if victim in _ROLES:
        return _inside(project, _ROLES[victim])
    if victim == LOCAL_FLY:
        path = project.path / ".flygate/local/daemon.json"
        return [int(json.loads(path.read_text(encoding="utf-8"))["pid"])]
    return pids(project, victim)


def serving(project: Project) -> int:
    """How many machines of the live release run."""
    return len(_machines(project, _ROLES[OLD]))


def pids(project: Project, who: str) -> list[int]:
    """The processes of the copy that are of a kind."""
    found = []
    for pid in project.processes():
        with suppress(OSError):
            text = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            if PROCESSES[who](text.rstrip("\0").split("\0")):
                found.append(pid)
    return found


def _is(words: Words, *names: str) -> bool:
    return any(name in word for name in names for word in words[:4])


def _kill(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


def _machines(project: Project, role: str) -> list[dict[str, Any]]:
    found = project.machines_of(APP)
    return [
        machine
        for machine in found
        if machine["config"].get("metadata", {}).get("flygate_role") == role
        and machine["state"] == "started"
    ]


def _inside(project: Project, role: str) -> list[int]:
    for machine in _machines(project, role):
        url = f"{project.local_fly()}/v1/apps/{APP}/machines/{machine['id']}/ps"
        answer = httpx.get(url, headers=project.authorization, trust_env=False)
        if answer.is_success and answer.json():
            return [int(process["pid"]) for process in answer.json()]
    return []
