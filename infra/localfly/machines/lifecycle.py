"""The actions of a Fly Machine: which state allows each, and which state each leads to."""

import contextlib
import signal as signals
from collections.abc import AsyncIterator, Callable, Sequence

from localfly.machines.checks.monitor import CheckStatus
from localfly.machines.config import MachineConfig
from localfly.machines.machine import Machine
from localfly.machines.platform import Platform
from localfly.machines.preconditions import check_destroyable, check_startable, not_running
from localfly.machines.supervisor import Supervisor
from localfly.network.addresses import free_port
from localfly.processes.command import Command, CommandResult
from localfly.processes.process import Process
from localfly.state.disk_space import check_disk_space


class Lifecycle:
    """One machine. Each action changes the state at once, and leaves the slow part to the
    supervisor. `wait_until` waits for the state that follows.
    """

    def __init__(self, machine: Machine, platform: Platform) -> None:
        self.machine = machine
        self._supervisor = Supervisor(machine, platform)
        self._clock = platform.clock
        self._folder = platform.store.folder

    @property
    def checks(self) -> list[CheckStatus]:
        """The status of each health check; none while the machine is down."""
        return self._supervisor.checks.statuses

    @property
    def process(self) -> Process | None:
        """The main process, while there is one."""
        return self._supervisor.process

    def create(self, *, skip_launch: bool) -> None:
        self.machine.keep_version()
        self.machine.record("launch", "created", "user", self._clock())
        if skip_launch:
            self.machine.desired = "stopped"
            self._supervisor.announce()
            self._supervisor.rest_soon()
        else:
            self._supervisor.launch("user")

    def start(self) -> str:
        """Start or resume; return the state before.

        Raises:
            FailedPreconditionError: the machine is on its way to another state.
        """
        previous = self.machine.state
        if previous in {"started", "starting"}:
            return previous
        check_startable(previous)
        self._desire("started")
        if previous == "suspended" and self._supervisor.process:
            self._supervisor.resume(self._supervisor.process)
        else:
            self._supervisor.launch("user")
        return previous

    def stop(self, signal: str | None = None, timeout_seconds: float | None = None) -> None:
        """Begin to stop; a machine that is down stays as it is."""
        if self.machine.state not in {"created", "stopped", "failed"}:
            self._desire("stopped")
            self._supervisor.end("stop", "stopping", signal, timeout_seconds)

    def suspend(self) -> None:
        """Begin to freeze the machine with its memory.

        Raises:
            FailedPreconditionError: it is not running.
        """
        if self.machine.state == "suspended":
            return
        process = self._running("suspend")
        self._desire("suspended")
        self.machine.state = "suspending"
        self.machine.record("suspend", "suspending", "user", self._clock())
        self._supervisor.announce()
        self._supervisor.freeze(process)

    def restart(self, signal: str | None = None, timeout_seconds: float | None = None) -> None:
        """Begin to stop and start again, with the newest secrets."""
        self._desire("started")
        self._supervisor.end("restart", "restarting", signal, timeout_seconds)

    def update(self, config: MachineConfig, *, skip_launch: bool) -> None:
        """Begin to replace the config; a running machine restarts, another one stays down.

        Raises:
            NoSpaceError: the disk is full; the machine is as it was.
        """
        check_disk_space(self._folder)
        goes_on = self.machine.desired == "started" and not skip_launch
        self.machine.configure(config)
        if self.machine.ports:  # it shares an address, and may listen on more ports now
            for port in config.ports - self.machine.ports.keys():
                self.machine.ports[port] = free_port()
        self._desire("started" if goes_on else "stopped")
        self._supervisor.end("update", "replacing", None, None)

    def destroy(self, *, force: bool) -> None:
        """Begin to end the machine permanently.

        Raises:
            FailedPreconditionError: it is running and this is not forced.
        """
        if not force:
            check_destroyable(self.machine.state)
        self._desire("destroyed")
        self._supervisor.end("destroy", "destroying", "SIGKILL", None)

    def cordon(self, cordoned: bool) -> None:
        """Take the machine out of the proxy's rotation, or put it back."""
        self.machine.cordoned = cordoned
        self._supervisor.announce()

    @property
    def memory_limit_mb(self) -> int:
        """The limit now: the guest's size, or less if a client has set less."""
        machine = self.machine
        return min(machine.memory_limit_mb or machine.config.memory_mb, machine.config.memory_mb)

    def limit_memory(self, megabytes: int) -> None:
        """Set another limit, until the machine is started again."""
        self.machine.memory_limit_mb = megabytes
        self.save()

    def run_out_of_memory(self) -> None:
        """End the machine's processes as a kernel without memory does."""
        self._supervisor.run_out_of_memory()

    def signal(self, name: str) -> None:
        """Signal the main process.

        Raises:
            FailedPreconditionError: the machine is not running.
        """
        self._running("signal").send(signals.Signals[name])

    async def execute(self, command: Sequence[str], stdin: str, timeout: float) -> CommandResult:
        """Run a command beside the machine's process.

        Raises:
            FailedPreconditionError: the machine is not running.
            DeadlineExceededError: the command took too long.
        """
        self._running("exec")
        return await self._supervisor.workload.execute(Command(tuple(command), stdin, timeout))

    @contextlib.asynccontextmanager
    async def standing_still(self) -> AsyncIterator[None]:
        """Keep what the machine writes as it is; one that is down stands still anyway."""
        process = self.process if self.machine.state == "started" else None
        async with process.standing_still() if process else contextlib.nullcontext():
            yield

    def save(self) -> None:
        """Save a change of the record that does not concern the proxy (metadata, a lease)."""
        self._supervisor.save()

    async def wait_until(self, holds: Callable[[Machine], bool], timeout: float) -> bool:
        """Wait for a state; return False if it was not reached in time."""
        return await self._supervisor.wait_until(holds, timeout)

    def boot(self) -> None:
        """Take the machine over from a former daemon."""
        self._supervisor.boot()

    async def halt(self) -> None:
        """End the process because the daemon ends."""
        await self._supervisor.halt()

    def _desire(self, state: str) -> None:
        self.machine.desired = state
        self.machine.restart_count = 0

    def _running(self, action: str) -> Process:
        process = self._supervisor.process
        if process is None or self.machine.state != "started":
            raise not_running(action, self.machine.state)
        return process
