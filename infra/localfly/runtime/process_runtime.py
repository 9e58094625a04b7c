"""Machines as processes of this computer: the default runtime."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from localfly.errors import NotFoundError
from localfly.images.image_store import Image, ImageStore
from localfly.images.reference import ImageRef
from localfly.machines.machine import Machine
from localfly.machines.mounts import Mount
from localfly.machines.platform import FoundImage
from localfly.processes.command import Command, CommandResult, run_command
from localfly.processes.identity import ProcessIdentity
from localfly.processes.process import LaunchSpec, Process
from localfly.runtime.environment import Inherited, machine_environment
from localfly.runtime.mounted import Mounter

_OWN_REGISTRY: Final = "registry.fly.io"
_STDERR: Final = "2"


class ProcessRuntime:
    """Runs images of the local registry, each in its unpacked tree."""

    def __init__(
        self, images: ImageStore, inherited: Inherited, state_id: str, volumes: Path
    ) -> None:
        self._images = images
        self._inherited = inherited
        self._state_id = state_id
        self._mounter = Mounter(volumes)

    async def find(self, ref: ImageRef) -> FoundImage:
        """Find the image. A placeholder replaces what only another registry has.

        Raises:
            NotFoundError: it was never put into the local registry.
        """
        digest = self._images.resolve(ref)
        if digest is None and ref.registry != _OWN_REGISTRY:
            digest = self._images.add_placeholder(ref)
        if digest is None:
            raise NotFoundError(f"image {ref} not found in the local registry")
        return FoundImage(self._images.get(digest).digest, self._images.size(digest))

    async def check_mounts(self, mounts: Sequence[Mount]) -> None:
        """Check that this computer can mount for a process.

        Raises:
            InvalidArgumentError: it can't.
        """
        await self._mounter.check(mounts)

    def start(self, machine: Machine, secrets: Mapping[str, str], output: Path) -> Process:
        """Start the machine's main process.

        Raises:
            NotFoundError: its image is gone.
            OSError: its command can't be executed.
        """
        image = self._image(machine)
        command = self._inherited.command(machine.config.command or image.command)
        environment = self._environment(machine, image, secrets)
        prepared_by = self._mounter.command(machine.config.mounts)
        spec = LaunchSpec(command, environment, image.tree, output, prepared_by=prepared_by)
        return Process.start(spec)

    def adopt(self, identity: ProcessIdentity) -> Process | None:
        """Return the process that a former daemon started; None if it is gone."""
        return Process.adopt(identity)

    def sweep(self, known: list[ProcessIdentity]) -> None:
        """Do nothing: processes are found by their marker."""

    async def execute(
        self, machine: Machine, secrets: Mapping[str, str], command: Command
    ) -> CommandResult:
        """Run a command beside the main process."""
        image = self._image(machine)
        words = self._inherited.command(command.words)
        if before := self._mounter.command(machine.config.mounts):
            words = (*before, _STDERR, *words)  # a failure is in what the client gets
        environment = self._environment(machine, image, secrets)
        return await run_command(replace(command, words=words), environment, image.tree)

    def _image(self, machine: Machine) -> Image:
        return self._images.get(machine.config.image.digest)

    def _environment(
        self, machine: Machine, image: Image, secrets: Mapping[str, str]
    ) -> dict[str, str]:
        return machine_environment(machine, image, secrets, self._inherited, self._state_id)
