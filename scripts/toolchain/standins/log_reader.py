"""The plugin's one reader of what a command logs, on the way from `shell_command` to the engine.

Both streams are written to it as they come, so what has no line's end between them is one line.
Its buffer is 64 KiB: at a line that does not fit it stops reading and says nothing. Who
writes to it after that waits for ever, and so does the update.
"""

import threading
from collections.abc import Callable

_BUFFER_BYTES = 65536


class LogReader:
    """Gives each line to `log` while the command runs."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._line = bytearray()

    def write(self, chunk: bytes) -> None:
        """Take what one stream wrote; return when all of it was read."""
        with self._lock:  # the other stream waits meanwhile, as it does for the plugin's pipe
            while chunk and not self._released.is_set():
                chunk = self._read(chunk)

    def end(self) -> None:
        """Nothing more is written."""
        with self._lock:
            if self._line and not self._is_full():
                self._say(self._line)

    def release(self) -> None:
        """Release who waits: the command was stopped. What it still writes is not logged."""
        self._released.set()

    def _read(self, chunk: bytes) -> bytes:
        """Read as much as fits; what is left."""
        if self._is_full():
            self._released.wait()
            return b""
        room = _BUFFER_BYTES - len(self._line)
        *lines, unfinished = (bytes(self._line) + chunk[:room]).split(b"\n")
        for line in lines:
            self._say(line)
        self._line = bytearray(unfinished)
        return chunk[room:]

    def _is_full(self) -> bool:
        return len(self._line) == _BUFFER_BYTES

    def _say(self, line: bytes | bytearray) -> None:
        self._log(line.decode(errors="replace").removesuffix("\r"))
