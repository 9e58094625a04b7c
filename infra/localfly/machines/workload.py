"""What runs inside a machine: its main process, and commands beside it."""

from collections.abc import Mapping

from localfly.machines.machine import Machine
from localfly.machines.platform import Platform
from localfly.processes.command import Command, CommandResult
from localfly.processes.process import Process


class Workload:
    """Starts processes by the platform's runtime, with the newest secrets."""

    def __init__(self, machine: Machine, platform: Platform) -> None:
        self._machine = machine
        self._platform = platform

    def start(self) -> Process:
        """Start the main process.

        Raises:
            FlyError: the image is gone.
            OSError: its command can't be executed.
        """
        machine = self._machine
        output = self._platform.logs.attach(machine.app, machine.id, machine.region)
        return self._platform.runtime.start(machine, self._secrets(), output)

    def adopt(self) -> Process | None:
        """Return the main process that a former daemon started; None if it is gone."""
        known = self._machine.process
        return self._platform.runtime.adopt(known) if known else None

    async def execute(self, command: Command) -> CommandResult:
        """Run a command beside the main process."""
        return await self._platform.runtime.execute(self._machine, self._secrets(), command)

    def _secrets(self) -> Mapping[str, str]:
        machine = self._machine
        return {} if machine.skip_secrets else self._platform.secrets.environment(machine.app)
