"""Machines as Docker containers: real images, with the memory and CPUs of the guest size.

Docker forwards the ports that the config names from the machine's loopback address, so nothing
listens anywhere else.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from localfly.errors import DeadlineExceededError, NotFoundError
from localfly.images.reference import ImageRef
from localfly.machines.machine import Machine
from localfly.machines.mounts import Mount
from localfly.machines.platform import FoundImage
from localfly.processes.command import Command, CommandResult
from localfly.processes.identity import MARKER, ProcessIdentity
from localfly.processes.process import LaunchSpec, Process
from localfly.runtime.container import Container, ask_docker, remove_containers
from localfly.runtime.environment import fly_variables
from localfly.timing.ulid import ulid

_PULL_SECONDS: Final = 300.0
_NAME: Final = "flygate-{machine}-{run}"


class DockerRuntime:
    """Runs what `docker image inspect` or `docker pull` finds."""

    def __init__(self, state_id: str, folder: Path) -> None:
        self._state_id = state_id
        self._folder = folder  # the folder of `docker run`, which needs none

    async def find(self, ref: ImageRef) -> FoundImage:
        """Find the image, by the id of its contents.

        Raises:
            NotFoundError: Docker doesn't have it and can't pull it; the message is Docker's.
        """
        found = await self._inspect(ref)
        if found is None:
            pulled = await ask_docker("pull", "--quiet", str(ref), seconds=_PULL_SECONDS)
            found = await self._inspect(ref)
            if found is None:
                raise NotFoundError(f"image {ref} not found: {pulled.stderr.strip()}")
        return found

    def start(self, machine: Machine, secrets: Mapping[str, str], output: Path) -> Process:
        """Start the container, attached.

        Raises:
            OSError: there is no docker.
        """
        environment = {**machine.config.env, **secrets, **fly_variables(machine)}
        name = _NAME.format(machine=machine.id, run=ulid().lower())
        command = (
            *("docker", "run", "--name", name, "--sig-proxy=false"),
            *("--label", f"flygate.state={self._state_id}"),
            *("--label", f"flygate.machine={machine.id}"),
            *_limits(machine),
            *_ports(machine),
            *self._mounts(machine),
            *(word for key in sorted(environment) for word in ("--env", key)),
            *_program(machine),
        )
        # Docker takes the value of a variable that is only named from its own environment, so no
        # secret is among the arguments.
        own = {key: os.environ[key] for key in ("PATH", "DOCKER_HOST", "HOME") if key in os.environ}
        spec = LaunchSpec(
            command, {**environment, **own, MARKER: self._state_id}, self._folder, output
        )
        return Container.start(spec)

    async def check_mounts(self, mounts: Sequence[Mount]) -> None:
        """Do nothing: Docker can mount a folder wherever an image wants it."""

    def adopt(self, identity: ProcessIdentity) -> Process | None:
        """Return the container that a former daemon started; None if it is gone."""
        return Container.adopt(identity)

    def sweep(self, known: list[ProcessIdentity]) -> None:
        """Remove containers that no machine has."""
        remove_containers(self._state_id, [Container.name_in(one.command) for one in known])

    async def execute(
        self, machine: Machine, secrets: Mapping[str, str], command: Command
    ) -> CommandResult:
        """Run a command in the container, which has the variables already."""
        assert machine.process is not None  # noqa: S101 (it is running)
        name = Container.name_in(machine.process.command)
        words = ("exec", "--interactive", name, *command.words)
        try:
            answer = await ask_docker(*words, stdin=command.stdin.encode(), seconds=command.timeout)
        except TimeoutError as exc:
            raise DeadlineExceededError(
                f"deadline_exceeded: command did not end within {command.timeout:g}s"
            ) from exc
        return CommandResult(answer.code, 0, answer.stdout, answer.stderr)

    def _mounts(self, machine: Machine) -> tuple[str, ...]:
        folder = self._folder.resolve() / "volumes"
        mounts = (
            f"type=bind,source={folder / mount.volume},target={mount.path}"
            for mount in machine.config.mounts
        )
        return tuple(word for mount in mounts for word in ("--mount", mount))

    async def _inspect(self, ref: ImageRef) -> FoundImage | None:
        for name in filter(None, (ref.digest, str(ref))):
            answer = await ask_docker("image", "inspect", name)
            if answer.code == 0:
                (document,) = json.loads(answer.stdout)
                return FoundImage(document["Id"], document["Size"])
        return None


def _limits(machine: Machine) -> tuple[str, ...]:
    """Return the arguments for the guest size; without swap, as on Fly."""
    guest = machine.config.raw.get("guest") or {}
    memory = f"{machine.config.memory_mb}m"
    return ("--memory", memory, "--memory-swap", memory, "--cpus", str(guest.get("cpus") or 1))


def _ports(machine: Machine) -> tuple[str, ...]:
    address = machine.address
    forwards = (f"{address}:{machine.port(port)}:{port}" for port in sorted(machine.config.ports))
    return tuple(word for forward in forwards for word in ("--publish", forward))


def _program(machine: Machine) -> tuple[str, ...]:
    """Return the image, and the command that replaces the image's."""
    init, image = machine.config.raw.get("init") or {}, machine.config.image.digest
    entrypoint = init.get("exec") or init.get("entrypoint") or []
    rest = [*entrypoint[1:], *(() if init.get("exec") else init.get("cmd") or ())]
    return (*(("--entrypoint", entrypoint[0]) if entrypoint else ()), image, *rest)
