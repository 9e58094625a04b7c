"""The machine config against flyctl's own, for the table of inputs in `tests/data/fly_toml`.

`facts.json` has what flyctl's loader and its `ToMachineConfig` make of each of `inputs.txt` (flyctl
of 2026-08-21), without its own version. Where we differ by intent, the reason is here.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from flygate.flytoml import FlyToml, machine_config, toml_reader
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
    "gpu": r'^fly\.toml:2: vm\.size "a10" is none of Fly\'s: shared-cpu-1x',
    "processes-list": r"^fly\.toml:2: \[\[processes\]\] is the form of Fly's first platform",
}
# What we send otherwise: name of the input → the keys, with the reason.
OTHERWISE = {
    # flyctl can't tell zero from unsaid, and so asks for Fly's default of ten.
    "restart-zero": {"restart": {"policy": "on-failure", "max_retries": 0}},
    # flyctl sends no size without [[vm]], and so drops the host that was asked for.
    "host-without-vm": {
        "guest": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256, "host_dedication_id": "h1"}
    },
}


def test_the_table_is_whole() -> None:
    """Every input has its fact, and there are enough of them."""
    assert INPUTS.keys() == FACTS.keys()
    assert len(INPUTS) >= 60
    assert all(tomllib.loads(text) for text in INPUTS.values())


@pytest.mark.parametrize("name", sorted(INPUTS.keys() - REFUSED.keys()))
def test_a_file_means_what_flyctl_takes_it_to_mean(name: str) -> None:
    """Field by field; the metadata is ours (see `flygate/rollout/steps/launch.py`), but the group's
    name, and the size that flyctl leaves to Fly is said.
    """
    file = FlyToml.of(toml_reader.parse(INPUTS[name].encode()))

    fact = dict(FACTS[name])
    group = fact.pop("metadata")["fly_process_group"]
    fact.setdefault("guest", {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256})
    assert machine_config(file) == {**fact, **OTHERWISE.get(name, {})}
    assert file.group == group


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_would_be_lost_is_refused(name: str) -> None:
    """In one line, with its place, the reason and what to do."""
    with pytest.raises(ConfigError, match=REFUSED[name]) as refusal:
        machine_config(FlyToml.of(toml_reader.parse(INPUTS[name].encode())))

    assert len(str(refusal.value).splitlines()) == 1
