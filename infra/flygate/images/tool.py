"""Run docker and flyctl: their output is streamed to standard error, and kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flygate.system.errors import ImageError


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a program.

    Attributes:
        output: standard output and standard error.
    """

    code: int
    output: str

    @property
    def last_words(self) -> str:
        """The last line that is not empty."""
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        return lines[-1] if lines else "it wrote nothing"


def run(
    words: Sequence[str],
    environment: Mapping[str, str],
    folder: Path | None = None,
    *,
    is_shown: bool = False,
) -> ToolResult:
    """Run a program to its end.

    Raises:
        ImageError: it could not be started.
    """
    try:
        process = subprocess.Popen(
            words,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as exc:
        raise ImageError(f"{words[0]} can't be started: {exc.strerror}") from exc
    lines = []
    with process:
        assert process.stdout is not None  # noqa: S101  it is a pipe
        for line in process.stdout:
            lines.append(line)
            if is_shown:
                sys.stderr.write(line)
                sys.stderr.flush()
    return ToolResult(process.returncode, "".join(lines))
