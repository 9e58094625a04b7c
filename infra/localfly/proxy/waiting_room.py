"""Requests that wait: for a machine below its hard limit, or for one that wakes up."""

from collections import deque
from typing import Protocol

from localfly.proxy.selector import Selector


class Waiter(Protocol):
    """A request that waits."""

    @property
    def is_blocked(self) -> bool:
        """Whether it still has to wait."""

    def try_again(self) -> None:
        """Look for a machine now."""


class WaitingRoom:
    """One queue for each app and selector, first come, first served: a request that waits for one
    certain machine holds up no other.
    """

    def __init__(self) -> None:
        self._queues: dict[str, dict[Selector, deque[Waiter]]] = {}

    def add(self, app: str, selector: Selector, waiter: Waiter) -> None:
        self._queues.setdefault(app, {}).setdefault(selector, deque()).append(waiter)

    def reconsider(self, app: str) -> None:
        """Look again: a request ended, or a machine joined or left the rotation, or fell asleep."""
        queues = self._queues.get(app)
        if not queues:
            return
        for selector, queue in list(queues.items()):
            while queue and not queue[0].is_blocked:
                queue.popleft().try_again()
            if not queue and queues.get(selector) is queue:
                del queues[selector]
        if not queues and self._queues.get(app) is queues:
            del self._queues[app]
