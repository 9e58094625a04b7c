"""A terminal: what a person sees on it, and types."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Mapping

from tests.e2e.project import Project

_PATIENCE_SECONDS = 60


class Terminal:
    """A command typed on a terminal, after `. .flygate/env`. Use it as a context manager.

    Args:
        variables: exported in that shell.
    """

    def __init__(
        self, project: Project, command: str, variables: Mapping[str, str] | None = None
    ) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", f". .flygate/env && exec {command}"],
            cwd=project.path,
            env={**project.environment(), **(variables or {})},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self.seen = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._ours, keys.encode())

    def wait_for(self, words: str) -> None:
        """Read until it has shown these words."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while words not in self.seen:
            assert time.monotonic() < deadline, f"{words!r} is not in: {self.seen}"
            if select.select([self._ours], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self._ours, 65536).decode(errors="replace")
                except OSError:  # it has ended
                    assert words in self.seen, self.seen
