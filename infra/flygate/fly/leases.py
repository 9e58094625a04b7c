"""The leases that a client holds: machine id → nonce, and until when each surely holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

Clock = Callable[[], float]


class Leases(dict[str, str]):
    """A dictionary that reports each change, so that what is held can be written down.

    Args:
        clocks: a lease holds only while all of them say so. One stands still while a laptop
            sleeps, another may be set.

    Attributes:
        on_change: called after each change.
        description: of the holder; no other holder has the same.
    """

    on_change: Callable[[], None] | None = None
    description = ""

    def __init__(self, clocks: tuple[Clock, ...] = (time.monotonic, time.time)) -> None:
        super().__init__()
        self._clocks = clocks
        self._ends: dict[str, tuple[float, ...]] = {}

    def now(self) -> tuple[float, ...]:
        """Return the moment before a lease is requested, for `hold`."""
        return tuple(clock() for clock in self._clocks)

    def hold(self, machine_id: str, nonce: str, since: tuple[float, ...], seconds: float) -> None:
        """Note a lease that was requested at a moment, for some seconds."""
        self._ends[machine_id] = tuple(moment + seconds for moment in since)
        self[machine_id] = nonce

    def doubtful(self) -> list[str]:
        """Return the machines whose lease may have ended, as far as this computer knows."""
        now = self.now()
        return [machine_id for machine_id in self if not self._is_sure(machine_id, now)]

    def _is_sure(self, machine_id: str, now: tuple[float, ...]) -> bool:
        ends = self._ends.get(machine_id)
        return ends is not None and all(at < end for at, end in zip(now, ends, strict=True))

    def __setitem__(self, machine_id: str, nonce: str) -> None:
        if self.get(machine_id) != nonce:
            super().__setitem__(machine_id, nonce)
            self._report()

    def pop(self, machine_id: str, *default: Any) -> Any:
        """Forget one."""
        known = machine_id in self
        self._ends.pop(machine_id, None)
        nonce = super().pop(machine_id, *default)
        if known:
            self._report()
        return nonce

    def _report(self) -> None:
        if self.on_change:
            self.on_change()
