"""The two streams of an operation: one result on standard output, short lines on standard error.

Standard output is a protocol: what Pulumi keeps is what came out of it. So the real descriptor is
put aside when the operation begins, and descriptor 1 becomes standard error: what a library, a
warning, a child process or a hook prints can't reach the result.

Standard error is shown while the operation runs, kept in Pulumi's state, and handed to the next
run in one environment variable. The plugin stops reading at a line of 64 KiB, and Linux refuses a
variable of 128 KiB. So every line is cut, and all of them together are bounded.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from flygate.record import frame
from flygate.redaction.redact import CUT

Redact = Callable[[str], str]

LINE_BYTES_MAX: Final = 2000
# All lines together, and what is kept free of it for the last words.
BYTES_MAX: Final = 64 * 1024
# What is looked through for secrets of a long line, of which less is written.
READ_BYTES_MAX: Final = 4 * LINE_BYTES_MAX
LAST_BYTES_MAX: Final = 16 * 1024
_MUTED: Final = b"(more was said than Pulumi can keep; all of it is in the journal)\n"
_CHUNK_BYTES: Final = 65536
# A child that was left behind may hold the pipe's other end open.
_DRAIN_SECONDS: Final = 2.0


class Channel:
    """Sends the result, and pumps what is printed to the real standard error."""

    def __init__(self, result: int, error: int, redact: Redact) -> None:
        self._result = result
        self._lines = LineCutter(error, redact)

    def send(self, result: str) -> None:
        """Write the result, framed; once."""
        _write_all(self._result, (frame.wrap(result) + "\n").encode())

    def pump(self, source: int) -> None:
        """Pass on what is written into a pipe, until its other end is closed."""
        while chunk := os.read(source, _CHUNK_BYTES):
            self._lines.feed(chunk)
        self._lines.flush()

    def close(self, last_words: str) -> None:
        """Pass the last words on: they have room of their own."""
        self._lines.end(last_words)


class LineCutter:
    """Writes lines to a descriptor: each of bounded length, all together within a budget.

    Args:
        target: the descriptor.
        redact: takes secrets out of a line, before it is cut.
    """

    def __init__(self, target: int, redact: Redact = str) -> None:
        self._target = target
        self._redact = redact
        self._line = bytearray()
        self._left_out = 0
        self._budget = BYTES_MAX - LAST_BYTES_MAX
        self._is_muted = False

    def feed(self, chunk: bytes) -> None:
        """Take some bytes; whole lines are written, of a long one its beginning is kept."""
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            self._add(part)
            self._write_line()
        self._add(rest)

    def flush(self) -> None:
        """Write a line that has no end yet."""
        if self._line:
            self._write_line()

    def end(self, last_words: str) -> None:
        """Write the last lines, from a budget of their own."""
        self.flush()
        self._budget, self._is_muted = LAST_BYTES_MAX, False
        if last_words:
            self.feed(last_words.encode(errors="replace") + b"\n")

    def _add(self, part: bytes) -> None:
        room = READ_BYTES_MAX - len(self._line)
        self._line += part[:room]
        self._left_out += max(0, len(part) - room)

    def _write_line(self) -> None:
        text = self._line.decode(errors="replace")
        # By the mark the redactor knows that a value may have been cut through.
        line = self._redact(text + CUT if self._left_out else text).removesuffix(CUT).encode()
        if (more := self._left_out + max(0, len(line) - LINE_BYTES_MAX)) > 0:
            # Not in the middle of a character.
            kept = line[:LINE_BYTES_MAX].decode(errors="ignore")
            line = f"{kept} {CUT} ({more} bytes more)".encode()
        self._line.clear()
        self._left_out = 0
        self._write(line + b"\n")

    def _write(self, line: bytes) -> None:
        if self._is_muted:
            return
        if len(line) > self._budget:
            self._is_muted = True
            line = _MUTED
        self._budget -= len(line)
        _write_all(self._target, line)


@contextmanager
def channel(redact: Redact = str) -> Iterator[Channel]:
    """Claim both descriptors while the body runs.

    Args:
        redact: takes secrets out of each line of standard error.

    An exception of the body is passed on; what its text is for the operator is written by the
    caller, with `Channel.close`.
    """
    _flush()
    result, error = os.dup(1), os.dup(2)
    source, sink = os.pipe()
    for stream in (1, 2):
        os.dup2(sink, stream)
    os.close(sink)
    opened = Channel(result, error, redact)
    pump = threading.Thread(target=opened.pump, args=(source,), name="stderr", daemon=True)
    pump.start()
    try:
        yield opened
    finally:
        _flush()
        # The pump ends once no process has the pipe open.
        for stream in (1, 2):
            os.dup2(error, stream)
        pump.join(_DRAIN_SECONDS)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def _write_all(target: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(target, data) :]
        except BrokenPipeError:
            return  # Pulumi was killed: nothing reads any more, and what runs must go on
