"""The state machine of a Fly Machine: each verb of the API, and what follows from it by itself."""

import asyncio
import signal as signals
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from infra.local.checks.runner import CheckRunner
from infra.local.config import MachineConfig
from infra.local.environment import machine_environment
from infra.local.errors import FailedPreconditionError, FlyError
from infra.local.host import Host
from infra.local.images import Image
from infra.local.machine import SETTLED, Machine
from infra.local.restart import Relaunch, after_exit
from infra.local.runtime.command import CommandResult, run_command, with_interpreter
from infra.local.runtime.process import ExitStatus, LaunchSpec, Process

# How long a machine that leaves the rotation may finish requests before it is signalled. The
# signal's own timeout comes on top, so a long answer or a WebSocket is not cut off by this.
_DRAIN_SECONDS = 1.0
_HALT_SECONDS = 5.0


class Lifecycle:
    """One machine. Every verb changes the state at once and leaves the slow part to a task;
    whoever needs its end waits for the state (`wait_until`).
    """

    def __init__(self, machine: Machine, host: Host) -> None:
        self.machine = machine
        self._host = host
        self._checks = CheckRunner(machine.config.checks, host.clock)
        self._process: Process | None = None
        self._end_was_requested = False
        self._is_halting = False
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._restart_task: asyncio.Task[None] | None = None

    @property
    def checks(self) -> CheckRunner:
        return self._checks

    def create(self, *, skip_launch: bool) -> None:
        self.machine.keep_version()
        self._record("launch", "created", "user")
        if skip_launch:
            self.machine.desired = "stopped"
            self._announce()
            self._spawn(self._rest_soon())
        else:
            self._launch("user")

    def start(self) -> str:
        """Starts or resumes; returns the state before.

        Raises:
            FailedPreconditionError: the machine is on its way to another state.
        """
        previous = self.machine.state
        if previous in {"started", "starting"}:
            return previous
        if refusal := _start_refusal(previous):
            raise FailedPreconditionError(f"failed_precondition: {refusal}")
        self.machine.desired = "started"
        self.machine.restart_count = 0
        if previous == "suspended" and self._process:
            self._resume(self._process)
        else:
            self._launch("user")
        return previous

    def stop(self, signal: str | None = None, timeout_seconds: float | None = None) -> None:
        """Begins to stop; a machine that is down stays as it is."""
        if self.machine.state in {"created", "stopped", "failed"}:
            return
        self.machine.desired = "stopped"
        self._end("stop", "stopping", signal, timeout_seconds)

    def suspend(self) -> None:
        """Begins to freeze the machine with its memory.

        Raises:
            FailedPreconditionError: it is not running.
        """
        if self.machine.state == "suspended":
            return
        process = self._running_process("suspend")
        self.machine.desired = "suspended"
        self.machine.state = "suspending"
        self._record("suspend", "suspending", "user")
        self._announce()
        self._spawn(self._freeze(process))

    def restart(self, signal: str | None = None, timeout_seconds: float | None = None) -> None:
        """Begins to stop and start again, with the newest secrets."""
        self.machine.desired = "started"
        self.machine.restart_count = 0
        self._end("restart", "restarting", signal, timeout_seconds)

    def update(self, config: MachineConfig, *, skip_launch: bool) -> None:
        """Begins to replace the config; a running machine restarts, another one stays down."""
        was_running = self.machine.desired == "started"
        self.machine.configure(config)
        self.machine.desired = "started" if was_running and not skip_launch else "stopped"
        self.machine.restart_count = 0
        self._end("update", "replacing", None, None)

    def destroy(self, *, force: bool) -> None:
        """Begins to end the machine for good.

        Raises:
            FailedPreconditionError: it is running and this is not forced.
        """
        state = self.machine.state
        if not force and state not in {"created", "stopped", "suspended", "failed"}:
            raise FailedPreconditionError(
                "failed_precondition: unable to destroy machine, not currently stopped, "
                f"suspended, or failed: machine is {state}"
            )
        self.machine.desired = "destroyed"
        self._end("destroy", "destroying", "SIGKILL", None)

    def cordon(self, cordoned: bool) -> None:
        """Takes the machine out of the proxy's rotation, or lets it in."""
        self.machine.cordoned = cordoned
        self._announce()

    def save(self) -> None:
        """Keeps a change of the record that concerns nobody else (metadata, a lease)."""
        self._host.store.write(f"machines/{self.machine.id}", self.machine.to_state())

    def signal(self, name: str) -> None:
        self._running_process("signal").send(signals.Signals[name])

    async def execute(self, command: Sequence[str], stdin: str, timeout: float) -> CommandResult:
        """Runs a command beside the machine's process.

        Raises:
            FailedPreconditionError: the machine is not running.
            DeadlineExceededError: the command took too long.
        """
        self._running_process("exec")
        image = self._image()
        return await run_command(command, self._environment(image), image.tree, stdin, timeout)

    async def wait_until(self, holds: Callable[[Machine], bool], timeout: float) -> bool:
        """Waits for a state; False if it was not reached in time."""
        try:
            async with asyncio.timeout(timeout):
                while not holds(self.machine):
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def boot(self) -> None:
        """Takes the machine over from a former daemon: adopts its process, or brings it back."""
        machine, known = self.machine, self.machine.process
        self._process = Process.adopt(known) if known else None
        if self._process:
            self._host.logs.attach(machine.app, machine.id, machine.region)
            self._adopt(self._process)
        else:
            if known:
                self._record_exit(ExitStatus(-1), was_requested=False)
            self._bring_back()

    async def halt(self) -> None:
        """Ends the process because the daemon ends; the state on disk still says `started`."""
        self._is_halting = True
        if self._restart_task:
            self._restart_task.cancel()
        if self._process:
            timeout = min(self.machine.config.stop.timeout_seconds, _HALT_SECONDS)
            await self._quit(self._process, self.machine.config.stop.signal, timeout)
        self._checks.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # What follows from a verb.

    def _launch(self, source: str) -> None:
        self._checks = CheckRunner(self.machine.config.checks, self._host.clock)
        self._set("starting")
        self._record("start", "starting", source)
        try:
            process = Process.start(self._launch_spec())
        except (OSError, FlyError) as error:
            self._note(f"could not start: {error}")
            self._ended(ExitStatus(127))
            return
        self.machine.process = process.identity
        self._process = process
        self._record("start", "started", "flyd", {"restart_count": self.machine.restart_count})
        self._run(process)

    def _run(self, process: Process) -> None:
        self._set("started")
        self._spawn(self._watch(process))
        self._checks.start(self.machine.address, self.machine.port, self._announce)
        self._announce()

    def _adopt(self, process: Process) -> None:
        state = self.machine.state
        if state in {"started", "starting"}:
            self._run(process)
            return
        self._spawn(self._watch(process))
        if state in {"suspended", "suspending"}:
            self._spawn(self._freeze(process))
        else:
            self._end_was_requested = True
            stop = self.machine.config.stop
            self._spawn(self._quit(process, stop.signal, stop.timeout_seconds))

    def _bring_back(self) -> None:
        machine = self.machine
        if machine.desired == "started":
            self._launch("flyd")
        elif machine.state not in SETTLED:
            self._rest(machine.desired if machine.desired != "suspended" else "stopped")

    def _end(self, event: str, state: str, signal: str | None, timeout: float | None) -> None:
        """Leads the process to its end; what comes then follows from `desired`."""
        stop = self.machine.config.stop
        is_ending, self._end_was_requested = self._end_was_requested, self._process is not None
        was_suspended = self.machine.state == "suspended"
        self._set(state)
        self._record(event, state, "user")
        self._announce()  # before anything else: no new request goes to this machine
        if self._restart_task:
            self._restart_task.cancel()
        if self._process is None:
            self._go_on(ExitStatus(0), was_requested=True)
        elif signal == "SIGKILL" or was_suspended:
            self._spawn(self._kill(self._process))
        elif not is_ending:
            seconds = timeout or stop.timeout_seconds
            self._spawn(self._drain_and_quit(self._process, signal or stop.signal, seconds))

    async def _drain_and_quit(self, process: Process, signal: str, timeout: float) -> None:
        await self._host.traffic.drained(self.machine.id, _DRAIN_SECONDS)
        await self._quit(process, signal, timeout)

    async def _quit(self, process: Process, signal: str, timeout: float) -> None:
        process.send(signals.Signals[signal])
        process.send_to_group(signals.SIGCONT)  # a frozen process can't end
        try:
            async with asyncio.timeout(timeout):
                await process.wait()
        except TimeoutError:
            process.send_to_group(signals.SIGKILL)
            await process.wait()

    async def _kill(self, process: Process) -> None:
        await self._host.traffic.drained(self.machine.id, _DRAIN_SECONDS)
        process.send_to_group(signals.SIGKILL)

    async def _freeze(self, process: Process) -> None:
        await self._host.traffic.drained(self.machine.id, _DRAIN_SECONDS)
        if self.machine.desired != "suspended":
            return
        self._checks.stop()
        process.send_to_group(signals.SIGSTOP)
        self._set("suspended")
        self._record("suspend", "suspended", "flyd")
        self._announce()

    def _resume(self, process: Process) -> None:
        process.send_to_group(signals.SIGCONT)
        self._record("start", "started", "user")
        self._set("started")
        self._checks.start(self.machine.address, self.machine.port, self._announce)
        self._announce()

    async def _watch(self, process: Process) -> None:
        status = await process.wait()
        self._ended(status)

    def _ended(self, status: ExitStatus) -> None:
        was_requested, self._end_was_requested = self._end_was_requested, False
        self._process = self.machine.process = None
        self._checks.stop()
        if self._is_halting:
            self.save()
            return
        self._record_exit(status, was_requested)
        self._go_on(status, was_requested)

    def _go_on(self, status: ExitStatus, was_requested: bool) -> None:
        machine = self.machine
        step = after_exit(
            machine.desired, was_requested, status, machine.config.restart, machine.restart_count
        )
        if isinstance(step, Relaunch) and was_requested:
            self._launch("flyd")
        elif isinstance(step, Relaunch):
            machine.restart_count += 1
            self._set("restarting")
            self._announce()
            self._restart_task = self._spawn(self._relaunch_after(step.delay_seconds))
        else:
            self._rest("destroyed" if machine.config.auto_destroy else step.state)

    async def _relaunch_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._restart_task = None
        self._launch("flyd")

    async def _rest_soon(self) -> None:
        """A machine created without a launch shows `created` first, as on Fly."""
        if self.machine.state == "created":
            self._rest("stopped")

    def _rest(self, state: str) -> None:
        self.machine.desired = state
        self._set(state)
        if state == "destroyed":
            self.machine.lease = None
            self._record("destroy", "destroyed", "flyd")
            self._host.logs.detach(self.machine.id)
        self._announce()

    # Small parts.

    def _launch_spec(self) -> LaunchSpec:
        machine, image = self.machine, self._image()
        output = self._host.logs.attach(machine.app, machine.id, machine.region)
        command = with_interpreter(machine.config.command or image.command)
        return LaunchSpec(command, self._environment(image), image.tree, output)

    def _image(self) -> Image:
        return self._host.images.get(self.machine.config.image.digest)

    def _environment(self, image: Image) -> dict[str, str]:
        host, machine = self._host, self.machine
        secrets = {} if machine.skip_secrets else host.secrets.environment(machine.app)
        return machine_environment(machine, image, secrets, host.inherited, host.state_id)

    def _running_process(self, action: str) -> Process:
        if self._process is None or self.machine.state != "started":
            what = "machine not running" if action == "exec" else f"unable to {action} machine"
            state = "" if action == "exec" else f" from current state: '{self.machine.state}'"
            raise FailedPreconditionError(f"failed_precondition: {what}{state}")
        return self._process

    def _record_exit(self, status: ExitStatus, was_requested: bool) -> None:
        exited_at = int(self._host.clock() * 1000)
        event = {
            "exit_code": status.code,
            "guest_exit_code": status.code,
            "guest_signal": status.signal or -1,
            "signal": status.signal or -1,
            "oom_killed": False,
            "requested_stop": was_requested,
            "restarting": False,
            "exited_at": exited_at,
        }
        request = {"exit_event": event, "restart_count": self.machine.restart_count}
        self._record("exit", "stopped", "flyd", request)

    def _record(
        self, kind: str, status: str, source: str, request: dict[str, Any] | None = None
    ) -> None:
        self.machine.record(kind, status, source, self._host.clock(), request)

    def _note(self, message: str) -> None:
        machine = self.machine
        self._host.logs.note(machine.app, machine.id, machine.region, message)

    def _set(self, state: str) -> None:
        self.machine.state = state

    def _announce(self) -> None:
        self.save()
        self._host.traffic.changed(self.machine, is_healthy=self._checks.lets_traffic_through)
        self._changed.set()
        self._changed = asyncio.Event()

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _start_refusal(state: str) -> str | None:
    if state in {"stopping", "suspending"}:
        return "machine still active, refusing to start"
    if state in {"replacing", "updating"}:
        return "machine getting replaced, refusing to start"
    if state in {"created", "creating", "destroying", "destroyed"}:
        return f"unable to start machine from current state: '{state}'"
    return None
