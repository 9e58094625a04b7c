"""Leads a machine's process to the desired state: starts it, watches it, acts on its end."""

import asyncio
import logging
import signal as signals
from collections.abc import Callable
from typing import Any, Final

from localfly.errors import FlyError
from localfly.machines.checks.monitor import CheckMonitor
from localfly.machines.machine import SETTLED, Machine
from localfly.machines.platform import Platform
from localfly.machines.restart import Relaunch, after_exit
from localfly.machines.shutdown import Shutdown
from localfly.machines.workload import Workload
from localfly.processes.orphans import end_orphans
from localfly.processes.process import ExitStatus, Process
from localfly.timing.background import BackgroundTasks
from localfly.timing.change_notifier import ChangeNotifier

_HALT_SECONDS: Final = 5.0

_log = logging.getLogger("flygate.local")


class Supervisor:
    """The process of one machine, led to the state that `machine.desired` names."""

    def __init__(self, machine: Machine, platform: Platform) -> None:
        self.workload = Workload(machine, platform)
        self.checks = CheckMonitor(machine.config.checks, platform.clock)
        self.process: Process | None = None
        self._machine = machine
        self._shutdown = Shutdown(machine.id, platform.traffic)
        self._platform = platform
        self._end_was_requested = False
        self._ran_out_of_memory = False
        self._is_halting = False
        self._changes = ChangeNotifier()
        self._tasks = BackgroundTasks()
        self._restart_task: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    def launch(self, source: str) -> None:
        """Start the process, or record that it can't be started."""
        self.checks = CheckMonitor(self._machine.config.checks, self._platform.clock)
        self._machine.memory_limit_mb = None
        self._move("start", "starting", source)
        try:
            process = self.workload.start()
        except (OSError, FlyError) as exc:
            self._note(f"could not start: {exc}")
            self._ended(ExitStatus(127))
            return
        self._machine.process = process.identity
        self._move("start", "started", "flyd", {"restart_count": self._machine.restart_count})
        self._run(process)

    def end(self, event: str, state: str, signal: str | None, timeout: float | None) -> None:
        """Begin to end the process; `desired` decides what follows."""
        stop = self._machine.config.stop
        was_suspended = self._machine.state == "suspended"
        is_ending, self._end_was_requested = self._end_was_requested, self.process is not None
        self._move(event, state, "user")
        self.announce()  # before anything else: no new request goes to this machine
        if self._restart_task:
            self._restart_task.cancel()
        if self.process is None:
            self._go_on(None, was_requested=True)
        elif signal == "SIGKILL" or was_suspended:
            self._tasks.start(self._shutdown.kill(self.process))
        elif not is_ending:
            seconds = timeout or stop.timeout_seconds
            self._tasks.start(self._shutdown.quit(self.process, signal or stop.signal, seconds))

    def run_out_of_memory(self) -> None:
        """Kill the process, and log why."""
        if self.process and not self._ran_out_of_memory:
            self._ran_out_of_memory = True
            self._note("Out of memory: killed the machine's processes")
            self.process.send_to_group(signals.SIGKILL)

    def freeze(self, process: Process) -> None:
        """Suspend the process once its requests are answered."""
        self._tasks.start(self._freeze(process))

    def resume(self, process: Process) -> None:
        process.send_to_group(signals.SIGCONT)
        self._move("start", "started", "user")
        self._check()

    def rest_soon(self) -> None:
        """Let a machine that is not launched show `created` first, as on Fly."""

        async def rest() -> None:
            if self._machine.state == "created":
                self._rest("stopped")

        self._tasks.start(rest())

    def boot(self) -> None:
        """Take the machine over from a former daemon: adopt its process, or start it again."""
        machine, known = self._machine, self._machine.process
        self.process = self.workload.adopt()
        machine.process = known if self.process else None
        if self.process:
            self._platform.logs.attach(machine.app, machine.id, machine.region)
            self._adopt(self.process)
            return
        if known:
            machine.record_exit(ExitStatus(-1), self._platform.clock(), was_requested=False)
        if machine.desired == "started":
            self.launch("flyd")
        elif machine.state not in SETTLED:
            self._rest("stopped" if machine.desired == "suspended" else machine.desired)
        else:
            self.announce()  # the proxy may wake it

    async def halt(self) -> None:
        """End the process because the daemon ends; the state on disk still says `started`."""
        self._is_halting = True
        if self._restart_task:
            self._restart_task.cancel()
        if self.process:
            stop = self._machine.config.stop
            await self.process.quit(stop.signal, min(stop.timeout_seconds, _HALT_SECONDS))
        if self._watching:
            await self._watching
        self.checks.stop()
        await self._tasks.end()

    def announce(self) -> None:
        """Save the machine, and notify the proxy, then all that wait for a state."""
        self.save()
        self._platform.traffic.changed(self._machine, is_healthy=self.checks.lets_traffic_through)
        self._changes.notify()

    def save(self) -> None:
        """Write the record. A full disk, or a folder that was moved, must not stop the machine's
        checks and restarts, so the error is only logged.
        """
        try:
            self._platform.store.write(f"machines/{self._machine.id}", self._machine.to_state())
        except OSError as exc:
            _log.error("machine %s could not be saved: %s", self._machine.id, exc)

    async def wait_until(self, holds: Callable[[Machine], bool], timeout: float) -> bool:
        """Wait for a state; return False if it was not reached in time."""
        return await self._changes.wait_until(lambda: holds(self._machine), timeout)

    def _run(self, process: Process) -> None:
        self.process = process
        self._watching = self._tasks.start(self._watch(process))
        self._check()

    def _check(self) -> None:
        self.checks.start(self._machine.address, self._machine.port, self.announce)
        self.announce()

    def _adopt(self, process: Process) -> None:
        state, stop = self._machine.state, self._machine.config.stop
        if state in {"started", "starting"}:
            self._machine.state = "started"
            process.send_to_group(signals.SIGCONT)  # the former daemon may have copied its volume
            self._run(process)
            return
        self._watching = self._tasks.start(self._watch(process))
        if state in {"suspended", "suspending"}:
            self.freeze(process)
        else:
            self._end_was_requested = True
            self._tasks.start(process.quit(stop.signal, stop.timeout_seconds))

    async def _watch(self, process: Process) -> None:
        status = await process.wait()
        # All processes of a machine end with it, also those in other groups.
        await asyncio.to_thread(end_orphans, self._platform.state_id, machine_id=self._machine.id)
        self._ended(status)

    def _ended(self, status: ExitStatus) -> None:
        was_requested, self._end_was_requested = self._end_was_requested, False
        out_of_memory = self._ran_out_of_memory or status.out_of_memory
        self._ran_out_of_memory = False
        self.process = self._machine.process = None
        self.checks.stop()
        if self._is_halting:
            self.save()
            return
        self._machine.record_exit(
            status,
            self._platform.clock(),
            was_requested=was_requested,
            out_of_memory=out_of_memory,
        )
        self._go_on(status, was_requested)

    def _go_on(self, status: ExitStatus | None, was_requested: bool) -> None:
        """Take the next step after the process has ended, or (None) where none was running."""
        machine, config = self._machine, self._machine.config
        code = status.code if status else 0
        step = after_exit(
            machine.desired, was_requested, code, config.restart, machine.restart_count
        )
        if not isinstance(step, Relaunch):
            self._rest("destroyed" if status and config.auto_destroy else step.state)
        elif was_requested:
            self.launch("flyd")
        else:
            machine.restart_count += 1
            machine.state = "restarting"
            self.announce()
            self._restart_task = self._tasks.start(self._relaunch_after(step.delay_seconds))

    async def _relaunch_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._restart_task = None
        self.launch("flyd")

    def _rest(self, state: str) -> None:
        self._machine.desired = self._machine.state = state
        if state == "destroyed":
            self._machine.lease = None
            self._move("destroy", "destroyed", "flyd")
            self._platform.logs.detach(self._machine.id)
        self.announce()

    async def _freeze(self, process: Process) -> None:
        await self._shutdown.drain()
        if self._machine.desired != "suspended" or self._is_halting:
            return
        self.checks.stop()
        process.send_to_group(signals.SIGSTOP)
        self._move("suspend", "suspended", "flyd")
        self.announce()

    def _move(
        self, event: str, state: str, source: str, request: dict[str, Any] | None = None
    ) -> None:
        """Set a new state, and add its event."""
        self._machine.state = state
        self._machine.record(event, state, source, self._platform.clock(), request)

    def _note(self, message: str) -> None:
        machine = self._machine
        self._platform.logs.note(machine.app, machine.id, machine.region, message)
