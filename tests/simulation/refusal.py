"""An answer of the Fly in memory that is no success."""

from __future__ import annotations


class RefusalError(Exception):
    """A status and Fly's words."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
