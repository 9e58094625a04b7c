"""What runs inside a machine: its main process, and commands beside it."""

from collections.abc import Sequence

from infra.local.environment import machine_environment
from infra.local.host import Host
from infra.local.images import Image
from infra.local.machine import Machine
from infra.local.runtime.command import CommandResult, run_command
from infra.local.runtime.process import LaunchSpec, Process


class Guest:
    """Starts processes with the machine's image, environment and newest secrets."""

    def __init__(self, machine: Machine, host: Host) -> None:
        self._machine = machine
        self._host = host

    def start(self) -> Process:
        """The main process.

        Raises:
            NotFoundError: the image is gone.
            OSError: its command can't be executed.
        """
        machine, image = self._machine, self._image()
        output = self._host.logs.attach(machine.app, machine.id, machine.region)
        command = self._host.inherited.command(machine.config.command or image.command)
        return Process.start(LaunchSpec(command, self._environment(image), image.tree, output))

    async def execute(self, command: Sequence[str], stdin: str, timeout: float) -> CommandResult:
        """A command beside the main process."""
        image = self._image()
        words = self._host.inherited.command(command)
        return await run_command(words, self._environment(image), image.tree, stdin, timeout)

    def _image(self) -> Image:
        return self._host.images.get(self._machine.config.image.digest)

    def _environment(self, image: Image) -> dict[str, str]:
        host, machine = self._host, self._machine
        secrets = {} if machine.skip_secrets else host.secrets.environment(machine.app)
        return machine_environment(machine, image, secrets, host.inherited, host.state_id)
