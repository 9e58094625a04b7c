"""A state folder that a former version wrote: `make up` after a `git pull` goes on with it."""

from __future__ import annotations

from localfly.machines.config import MachineConfig
from localfly.machines.machine import Machine

DIGEST = "sha256:" + "a" * 64


def test_a_machine_of_a_former_version_is_read() -> None:
    """What it did not know has its default; the image's digest is the one in its config."""
    config = MachineConfig.parse({"image": f"registry.fly.io/demo@{DIGEST}"})
    machine = Machine("m1", "one", "demo", "iad", "127.1.2.3", config, 1.0, 2.0)
    state = machine.to_state()
    for newer in ("memory_limit_mb", "versions", "digest"):
        del state[newer]

    read = Machine.from_state(state)

    assert read.config.image.digest == DIGEST
    assert (read.memory_limit_mb, read.versions) == (None, [])
