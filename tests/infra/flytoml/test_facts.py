"""The machine config against flyctl's own, for the table of inputs in `tests/data/fly_toml`.

`facts.json` has what flyctl's loader and its `ToMachineConfig` make of each of `inputs.txt` (flyctl
of 2026-08-21), without its own version. Where an input has several process groups, the fact of each
is `input/group`; that of its release command (`ToReleaseMachineConfig`) is
`input/fly_app_release_command`. Where we differ by intent, the reason is here.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from flygate.flytoml import FlyToml, machine_config, release_command, toml_reader
from flygate.system.errors import ConfigError

DATA = Path(__file__).resolve().parents[2] / "data" / "fly_toml"


def _inputs() -> dict[str, str]:
    parts = (DATA / "inputs.txt").read_text(encoding="utf-8").split("=== ")[1:]
    return {name: text for name, _, text in (part.partition("\n") for part in parts)}


INPUTS = _inputs()
FACTS: dict[str, dict[str, Any]] = json.loads((DATA / "facts.json").read_text(encoding="utf-8"))

# What flyctl takes, and a deployment would lack: name of the input → what the refusal says.
REFUSED = {
    # It would deploy an app without the service that was meant.
    "misspelt": r"^fly\.toml:2: http_servic is no key of fly\.toml\. Did you mean http_service\?",
    # Fly's API refuses such a service later.
    "service-without-port": r"^fly\.toml:2: services\[0\]\.internal_port is missing",
    # What would be dropped in silence.
    "statics": r"^fly\.toml:2: statics can't be done: Fly's proxy would answer",
    "machine-checks": r"^fly\.toml:2: machine_checks can't be done: Flygate starts no test",
    "gpu": r'^fly\.toml:3: vm\.size "a10" is none of Fly\'s: shared-cpu-1x',
    "processes-list": r"^fly\.toml:2: \[\[processes\]\] is the form of Fly's first platform",
}
ALL = [{"guest_path": "/etc/all", "raw_value": "YWxs"}]
# What we send otherwise: name of the fact → the keys, with the reason.
OTHERWISE: dict[str, dict[str, Any]] = {
    # flyctl can't tell zero from unsaid, and so asks for Fly's default of ten.
    "restart-zero": {"restart": {"policy": "on-failure", "max_retries": 0}},
    # flyctl sends no size without [[vm]], and so drops the host that was asked for.
    "host-without-vm": {
        "guest": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256, "host_dedication_id": "h1"}
    },
    # flyctl writes each file into the machines of every group, whatever its `processes` says.
    "groups-files/app": {"files": ALL},
    "groups-files-for-all/app": {"files": ALL},
    "release-command-of-groups/worker": {"files": None},
}
SMALLEST = {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}
COMMANDS = {key for key in FACTS if key.endswith(f"/{release_command.GROUP}")}
MACHINES = {key for key in FACTS if key not in COMMANDS and key not in REFUSED}


def read(name: str) -> FlyToml:
    return FlyToml.of(toml_reader.parse(INPUTS[name].encode()))


def test_the_table_is_whole() -> None:
    """Every input has its facts, and there are enough of them."""
    assert INPUTS.keys() == {key.partition("/")[0] for key in FACTS}
    assert len(INPUTS) >= 60
    assert len([key for key in FACTS if "/" in key]) >= 30
    assert all(tomllib.loads(text) for text in INPUTS.values())


@pytest.mark.parametrize("key", sorted(MACHINES))
def test_a_file_means_what_flyctl_takes_it_to_mean(key: str) -> None:
    """Field by field; the metadata is ours (see `flygate/rollout/steps/machine_request.py`), but
    the group's name, and the size that flyctl leaves to Fly is said.
    """
    name, _, group = key.partition("/")
    views = {view.group: view for view in read(name).groups}

    fact = dict(FACTS[key])
    found = fact.pop("metadata")["fly_process_group"]
    fact = {"guest": SMALLEST, **fact, **OTHERWISE.get(key, {})}
    assert machine_config(views[group or found]) == {k: v for k, v in fact.items() if v is not None}
    assert found == (group or read(name).group)


@pytest.mark.parametrize("name", [name for name in INPUTS if f"{name}/web" in FACTS])
def test_there_are_the_groups_that_flyctl_makes(name: str) -> None:
    """No more and no fewer."""
    views = read(name).groups

    assert {f"{name}/{view.group}" for view in views} == {
        key for key in FACTS if key.startswith(f"{name}/") and key not in COMMANDS
    }
    assert [view.group for view in views][1:] == sorted(view.group for view in views[1:])


@pytest.mark.parametrize("key", sorted(COMMANDS))
def test_a_release_command_is_what_flyctl_runs(key: str) -> None:
    """But `auto_destroy`: the machine stays until its exit code was read, and is destroyed then."""
    found = release_command.release_command(read(key.partition("/")[0]))

    fact = dict(FACTS[key])
    assert fact.pop("metadata") == {"fly_process_group": release_command.GROUP}
    assert fact.pop("auto_destroy") is True
    assert found is not None
    assert found["config"] == fact


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_would_be_lost_is_refused(name: str) -> None:
    """In one line, with its place, the reason and what to do."""
    with pytest.raises(ConfigError, match=REFUSED[name]) as refusal:
        machine_config(read(name))

    assert len(str(refusal.value).splitlines()) == 1
