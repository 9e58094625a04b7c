"""Faults of machines: killed, frozen, starved of CPU, or cut off from the DNS."""

import asyncio
import signal
from enum import StrEnum
from typing import Final

from localfly.errors import FailedPreconditionError
from localfly.machines.fleet import Fleet
from localfly.machines.lifecycle import Lifecycle
from localfly.processes.process import Process
from localfly.timing.background import BackgroundTasks

_CYCLE_SECONDS: Final = 0.1


class MachineFault(StrEnum):
    """A fault of a machine."""

    KILL = "kill"  # its processes are killed, as in a crash
    FREEZE = "freeze"  # its processes are stopped, while Fly believes that it runs
    STARVE = "starve"  # its processes run for a share of the time
    PARTITION = "partition"  # the DNS neither answers it nor names it
    HEAL = "heal"  # all of these end


class MachineFaults:
    """The faults of machines that last."""

    def __init__(self, fleet: Fleet) -> None:
        self.cut_off: set[str] = set()  # ids; the DNS reads it
        self._fleet = fleet
        self._tasks = BackgroundTasks()
        self._starving: dict[str, asyncio.Task[None]] = {}

    def apply(self, machine_id: str, fault: MachineFault, share: float) -> None:
        """Apply a fault to a machine.

        Args:
            share: of the time for which a starved machine runs.

        Raises:
            NotFoundError: there is no such machine.
            FailedPreconditionError: the machine does not run.
        """
        lifecycle = self._fleet.find(machine_id)
        if fault is MachineFault.PARTITION:
            self.cut_off.add(machine_id)
        elif fault is MachineFault.HEAL:
            self._heal(lifecycle)
        else:
            self._hurt(lifecycle, fault, share)

    def clear(self) -> None:
        """End the faults of all machines."""
        self.cut_off.clear()
        for lifecycle in self._fleet.running().values():
            self._heal(lifecycle)

    def _hurt(self, lifecycle: Lifecycle, fault: MachineFault, share: float) -> None:
        process = lifecycle.process
        if process is None or lifecycle.machine.state != "started":
            raise FailedPreconditionError("failed_precondition: machine not running")
        self._feed(lifecycle.machine.id)
        if fault is MachineFault.STARVE:
            self._starving[lifecycle.machine.id] = self._tasks.start(_starve(process, share))
        else:
            process.send_to_group(signal.SIGKILL if fault is MachineFault.KILL else signal.SIGSTOP)

    def _heal(self, lifecycle: Lifecycle) -> None:
        machine = lifecycle.machine
        self.cut_off.discard(machine.id)
        self._feed(machine.id)
        if lifecycle.process and machine.state == "started":
            lifecycle.process.send_to_group(signal.SIGCONT)

    def _feed(self, machine_id: str) -> None:
        if task := self._starving.pop(machine_id, None):
            task.cancel()


async def _starve(process: Process, share: float) -> None:
    """Let the process run for its share of each tenth of a second, until it ends."""
    try:
        while not process.has_ended:
            process.send_to_group(signal.SIGSTOP)
            await asyncio.sleep(_CYCLE_SECONDS * (1 - share))
            process.send_to_group(signal.SIGCONT)
            await asyncio.sleep(_CYCLE_SECONDS * share)
    finally:
        process.send_to_group(signal.SIGCONT)
