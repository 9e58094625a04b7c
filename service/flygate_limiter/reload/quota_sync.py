"""Reads every second which quotas the other machines of a common store have."""

import asyncio
from contextlib import suppress
from typing import Final

from flygate_limiter.clock import Clock
from flygate_limiter.errors import StoreUnavailableError
from flygate_limiter.quota import NANOS
from flygate_limiter.store.quota_board import QuotaBoard

from .other_quotas import OtherQuotas

_READ_EVERY_NS: Final = NANOS


class QuotaSync:
    """Keeps the quotas that are known here in step with those that other machines know.

    Args:
        board: where machines read each other's.
        quotas: those of this machine.
        clock: says when to read.
    """

    def __init__(self, board: QuotaBoard, quotas: OtherQuotas, clock: Clock) -> None:
        """Read before the first decision."""
        self._board = board
        self._quotas = quotas
        self._now = clock.now
        self._next: int | None = None
        self._reading = asyncio.Lock()

    @property
    def is_due(self) -> bool:
        """Whether the board was last read too long ago to decide."""
        return self._next is None or self._now() >= self._next

    async def run(self) -> None:
        """Post and read, if it is due. While the store cannot be asked, what is known must do."""
        async with self._reading:
            if not self.is_due:
                return
            with suppress(StoreUnavailableError):
                self._quotas.learn(await self._board.post(self._quotas.in_force()))
            self._next = self._now() + _READ_EVERY_NS

    def hurry(self) -> None:
        """Post before the next decision: there is something new."""
        self._next = None
