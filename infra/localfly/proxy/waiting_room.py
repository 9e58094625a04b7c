"""Requests that wait: for a machine below its hard limit, or for one that wakes up."""

from collections import deque
from typing import TYPE_CHECKING

from localfly.proxy.selector import Selector

if TYPE_CHECKING:
    from localfly.proxy.search import Search


class WaitingRoom:
    """First come, first served, per app; those with another wish stand apart, so that nobody is
    held up by a request that waits for one certain machine.
    """

    def __init__(self) -> None:
        self._queues: dict[str, dict[Selector, deque[Search]]] = {}

    def add(self, app: str, wish: Selector, search: "Search") -> None:
        self._queues.setdefault(app, {}).setdefault(wish, deque()).append(search)

    def reconsider(self, app: str) -> None:
        """A request ended, or a machine joined or left the rotation, or fell asleep."""
        queues = self._queues.get(app)
        if not queues:
            return
        for wish, queue in list(queues.items()):
            while queue and not queue[0].is_blocked:
                queue.popleft().try_again()
            if not queue and queues.get(wish) is queue:
                del queues[wish]
        if not queues and self._queues.get(app) is queues:
            del self._queues[app]
