"""Ends a machine's process once its requests are answered, or soon after."""

import signal as signals
from typing import Final

from localfly.machines.platform import Traffic
from localfly.processes.process import Process

# How long a machine that leaves the rotation may finish requests before it is signalled. The
# signal's own timeout comes on top, so a long answer or a WebSocket is not cut off by this.
_DRAIN_SECONDS: Final = 1.0


class Shutdown:
    """Ends the processes of one machine."""

    def __init__(self, machine_id: str, traffic: Traffic) -> None:
        self._machine_id = machine_id
        self._traffic = traffic

    async def drain(self) -> None:
        """Let the requests that are on their way be answered."""
        await self._traffic.drained(self._machine_id, _DRAIN_SECONDS)

    async def quit(self, process: Process, signal: str, timeout: float) -> None:
        """End the process by its stop signal, then by SIGKILL."""
        await self.drain()
        await process.quit(signal, timeout)

    async def kill(self, process: Process) -> None:
        """End the process by SIGKILL."""
        await self.drain()
        process.send_to_group(signals.SIGKILL)
