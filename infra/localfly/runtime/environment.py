"""The environment of a machine's processes (docs/fly-api.md 6.1), made from scratch: of the
daemon's environment, a machine gets only what every program needs.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from localfly.images.image_store import Image
from localfly.machines.machine import Machine
from localfly.processes.identity import MARKER
from localfly.runtime.interpreter import Interpreter

_INHERITED: Final = ("LANG", "HOME", "TMPDIR")


@dataclass(frozen=True, slots=True)
class Inherited:
    """The variables that a machine gets from the computer that it runs on."""

    path: str
    variables: Mapping[str, str]
    python: str  # what `python` means in a machine, whatever the PATH says

    @classmethod
    def from_process(cls, environ: Mapping[str, str], interpreter: Interpreter) -> "Inherited":
        path = interpreter.path_before(environ.get("PATH", os.defpath))
        variables = {name: environ[name] for name in _INHERITED if name in environ}
        return cls(path, variables, str(interpreter.program))

    def command(self, words: Sequence[str]) -> tuple[str, ...]:
        """Return the words to execute."""
        if words[0] in {"python", "python3"}:
            return (self.python, *words[1:])
        return tuple(words)


def machine_environment(
    machine: Machine,
    image: Image,
    secrets: Mapping[str, str],
    inherited: Inherited,
    state_id: str,
) -> dict[str, str]:
    """Return all variables; a later group wins: image, config, secrets, Fly's."""
    return {
        **inherited.variables,
        "PATH": inherited.path,
        "PYTHONPATH": str(image.tree),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        **image.env,
        **machine.config.env,
        **secrets,
        **fly_variables(machine),
        "HOST": machine.address,
        **_mapped_ports(machine),
        "FLYGATE_PORTS": ",".join(str(machine.port(p)) for p in sorted(machine.config.ports)),
        MARKER: state_id,
    }


def fly_variables(machine: Machine) -> dict[str, str]:
    """Return the variables that Fly sets."""
    return {
        "FLY_APP_NAME": machine.app,
        "FLY_MACHINE_ID": machine.id,
        "FLY_ALLOC_ID": machine.id,
        "FLY_REGION": machine.region,
        "FLY_PRIVATE_IP": machine.address,
        "FLY_IMAGE_REF": str(machine.config.image),
        "FLY_MACHINE_VERSION": machine.instance_id,
        "FLY_VM_MEMORY_MB": str(machine.config.memory_mb),
        "FLY_PROCESS_GROUP": machine.config.metadata.get("fly_process_group", ""),
    }


def _mapped_ports(machine: Machine) -> dict[str, str]:
    """Return the mapped ports; there are none where each machine has its address."""
    service, metrics = machine.config.http_service, machine.config.metrics_port
    names = {"PORT": service and service.internal_port, "METRICS_PORT": metrics}
    return {
        name: str(machine.ports[port])
        for name, port in names.items()
        if port is not None and port in machine.ports
    }
