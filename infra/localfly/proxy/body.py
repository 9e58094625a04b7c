"""A request's body on its way to a machine: kept while it may have to be sent again."""

from collections.abc import Callable
from typing import Final

_KEPT_BYTES: Final = 1024 * 1024  # Fly's limit for a replay (docs/fly-api.md 6.4)
_WAITING_BYTES: Final = 256 * 1024


class RequestBody:
    """The pieces that were read so far, framed as they go over the wire."""

    def __init__(self, *, is_chunked: bool) -> None:
        self.is_complete = False
        self._is_chunked = is_chunked
        self._pieces: list[bytes] = []
        self._size = 0
        self._is_kept = True
        self._write: Callable[[bytes], None] | None = None

    @property
    def can_be_sent_again(self) -> bool:
        return self._is_kept

    @property
    def is_too_much_to_wait_with(self) -> bool:
        """Whether the client must stop sending until there is a machine."""
        return self._write is None and self._size > _WAITING_BYTES

    def add(self, data: bytes) -> None:
        self._size += len(data)
        self._append(b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data)

    def complete(self) -> None:
        if self._is_chunked:
            self._append(b"0\r\n\r\n")
        self.is_complete = True

    def flow_to(self, write: Callable[[bytes], None] | None) -> bytes:
        """Return what is there already, to be sent with the head; the rest goes to `write` as it
        comes.
        """
        if not self._pieces:
            self._write = write
            return b""
        ready = b"".join(self._pieces) if write else b""
        self._write = write
        self._forget_if_large()
        return ready

    def _append(self, piece: bytes) -> None:
        if self._is_kept:
            self._pieces.append(piece)
        if self._write:
            self._write(piece)
            self._forget_if_large()

    def _forget_if_large(self) -> None:
        if self._write and self._size > _KEPT_BYTES:
            self._is_kept = False
            self._pieces.clear()
