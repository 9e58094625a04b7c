"""Requests that wait because every machine they may go to is at its hard limit."""

from collections import deque
from typing import TYPE_CHECKING

from infra.local.proxy.backend import Backend

if TYPE_CHECKING:
    from infra.local.proxy.exchange import Exchange


class WaitingRoom:
    """First come, first served, per app; those that wait for one certain machine stand apart, so
    that they hold up nobody else.
    """

    def __init__(self) -> None:
        self._queues: dict[tuple[str, str], deque[Exchange]] = {}

    def add(self, app: str, forced_machine: str, exchange: "Exchange") -> None:
        self._queues.setdefault((app, forced_machine), deque()).append(exchange)

    def slot_may_be_free(self, backend: Backend) -> None:
        """A request ended, or a machine joined or left the rotation."""
        self._admit((backend.app, ""))
        self._admit((backend.app, backend.machine_id))

    def _admit(self, key: tuple[str, str]) -> None:
        queue = self._queues.get(key)
        while queue and not queue[0].is_blocked:
            queue.popleft().try_again()
        if queue is not None and not queue:
            self._queues.pop(key, None)
