"""Watches the command lines of all processes while something happens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path


class ProcessList:
    """Looks at all command lines of the machine, again and again, for a text.

    Attributes:
        found: the command lines that had one of the texts.
        looks: how many times it looked.
    """

    def __init__(self, *texts: str) -> None:
        self._texts = [text.encode() for text in texts]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.found: list[str] = []
        self.looks = 0

    def __enter__(self) -> ProcessList:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self.looks += 1
            for line in _command_lines():
                if any(text in line for text in self._texts):
                    self.found.append(line.decode(errors="replace"))


def _command_lines() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes()
        except OSError:
            continue
