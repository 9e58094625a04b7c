"""The file with which `fly deploy` goes on: read again it means the same machines."""

from __future__ import annotations

from typing import Any

import pytest
from flygate.adoption import fly_toml_text
from flygate.flytoml import FlyToml, machine_config, toml_reader
from flygate.flytoml.machine import volume
from flygate.manifest import Group, Manifest, ReleaseCommand, Volume
from flygate.system.errors import ConfigError

from tests.infra.builders import manifest
from tests.infra.flytoml.test_facts import INPUTS

# What a file says once for all groups, or for none.
_OF_THE_FILE = {"FLY_PROCESS_GROUP", "PRIMARY_REGION"}


def _group(file: FlyToml) -> Group:
    found = volume(file)
    return Group(
        name=file.group,
        config=machine_config(file),
        regions=("iad",),
        machines=1,
        volume=Volume(**found) if found else None,
    )


def _manifest(file: FlyToml) -> Manifest:
    leading, *others = map(_group, file.groups)
    return manifest(
        config=leading.config, volume=leading.volume, others=tuple(others), regions=("iad",)
    )


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    env = {key: one for key, one in config["env"].items() if key not in _OF_THE_FILE}
    # Without any value a limit is none.
    services = [
        {key: one for key, one in service.items() if key != "concurrency" or one}
        for service in config.get("services", ())
    ]
    files = sorted(map(repr, config.get("files", ())))
    return {**config, "env": env, "services": services, "files": files}


@pytest.mark.parametrize("name", sorted(INPUTS))
def test_a_file_that_was_written_means_the_same(name: str) -> None:
    """Group by group, for each of the files that flyctl's own results are known of."""
    try:
        file = FlyToml.of(toml_reader.parse(INPUTS[name].encode()))
        asked = _manifest(file)
    except ConfigError:
        return  # what is refused runs nowhere

    written = FlyToml.of(toml_reader.parse(fly_toml_text.text(asked).encode()))

    again = _manifest(written)
    assert [g.name for g in again.groups] == [g.name for g in asked.groups]
    for group in asked.groups:
        assert _plain(again.group(group.name).config) == _plain(group.config)
        assert again.group(group.name).volume == group.volume


def test_a_release_command_goes_along() -> None:
    """With its time and its size."""
    config = {"init": {"cmd": ["migrate", "a b"]}, "guest": {"cpus": 1, "memory_mb": 512}}
    asked = manifest(release_command=ReleaseCommand(config=config, timeout="90s"))

    text = fly_toml_text.text(asked)

    assert "release_command = \"migrate 'a b'\"" in text
    assert 'release_command_timeout = "90s"' in text
    deploy = FlyToml.of(toml_reader.parse(text.encode())).values.deploy
    assert deploy is not None
    assert deploy.release_command_vm is not None
    assert deploy.release_command_vm.memory_mb == 512
