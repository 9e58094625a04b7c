"""The leases that a client holds: machine id → nonce."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Leases(dict[str, str]):
    """A dictionary that tells of each change, so that what is held can be written down.

    Attributes:
        on_change: called after each change.
    """

    on_change: Callable[[], None] | None = None

    def __setitem__(self, machine_id: str, nonce: str) -> None:
        if self.get(machine_id) != nonce:
            super().__setitem__(machine_id, nonce)
            self._tell()

    def pop(self, machine_id: str, *default: Any) -> Any:
        """Forget one."""
        known = machine_id in self
        nonce = super().pop(machine_id, *default)
        if known:
            self._tell()
        return nonce

    def _tell(self) -> None:
        if self.on_change:
            self.on_change()
