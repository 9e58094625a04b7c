"""Ends machines that use more memory than their guest has, as a virtual machine's kernel would."""

import asyncio
from typing import Final

from localfly.machines.fleet import Fleet
from localfly.processes.memory import bytes_by_group

_SECONDS: Final = 0.5
_MB: Final = 1024 * 1024


class MemoryGuard:
    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def watch_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS)
            running = self._fleet.running()
            if running:
                used = await asyncio.to_thread(bytes_by_group, running.keys())
                for pid, lifecycle in running.items():
                    if used.get(pid, 0) > lifecycle.memory_limit_mb * _MB:
                        lifecycle.run_out_of_memory()
