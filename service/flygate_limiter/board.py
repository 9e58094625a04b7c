"""Looks every second what quotas other machines of a common store have."""

import asyncio
from contextlib import suppress
from typing import Final

from .announced import Board
from .clock import Clock
from .errors import StoreUnavailableError
from .former import FormerQuotas
from .quota import NANOS

_LOOK_EVERY_NS: Final = NANOS


class Lookout:
    """Keeps the quotas that are known here those that are known everywhere.

    Args:
        board: where machines read each other's.
        quotas: those of this machine.
        clock: tells when to look.
    """

    def __init__(self, board: Board, quotas: FormerQuotas, clock: Clock) -> None:
        """Look before the first decision."""
        self._board = board
        self._quotas = quotas
        self._now = clock.now
        self._next: int | None = None
        self._looking = asyncio.Lock()

    @property
    def is_due(self) -> bool:
        """Whether the last look was too long ago to decide."""
        return self._next is None or self._now() >= self._next

    async def look(self) -> None:
        """Tell and hear, if it is due. While the store cannot be asked, what is known must do."""
        async with self._looking:
            if not self.is_due:
                return
            with suppress(StoreUnavailableError):
                self._quotas.hear(await self._board.post(self._quotas.in_force()))
            self._next = self._now() + _LOOK_EVERY_NS

    def haste(self) -> None:
        """Look before the next decision: there is something to tell."""
        self._next = None
