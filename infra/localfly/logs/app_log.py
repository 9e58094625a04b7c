"""The log of one app (`fly logs`): its newest lines in memory, more of them in files."""

import json
import logging
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from localfly.state.disk_space import is_disk_full
from localfly.state.files import append_whole

_KEPT_LINES: Final = 2_000  # per app, in memory; the files keep more
_ROTATE_BYTES: Final = 8 * 1024 * 1024

_log = logging.getLogger("flygate.local")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a machine. `position` is where the next daemon goes on reading its file."""

    sequence: int
    timestamp: float
    level: str
    instance: str
    region: str
    message: str
    position: int


class AppLog:
    """The lines of one app: the newest in memory, more of them in a file and the file before it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lines: deque[LogLine] = deque(read_lines(path), maxlen=_KEPT_LINES)

    def append(self, added: list[LogLine]) -> None:
        self.lines.extend(added)
        if self._path.exists() and self._path.stat().st_size > _ROTATE_BYTES:
            self._path.replace(self._path.with_suffix(".jsonl.1"))
        text = "".join(json.dumps(asdict(line)) + "\n" for line in added)
        try:
            append_whole(self._path, text)
        except OSError as exc:
            if not is_disk_full(exc):
                raise
            _log.error("lines of a log are only in memory: %s", exc)

    @property
    def next_sequence(self) -> int:
        return self.lines[-1].sequence + 1 if self.lines else 1


def read_lines(path: Path) -> list[LogLine]:
    """Read an app's log file, without a half-written last line."""
    lines: list[LogLine] = []
    if path.exists():
        for raw in path.read_text().splitlines():
            try:
                document: dict[str, Any] = json.loads(raw)
            except ValueError:
                continue
            lines.append(LogLine(**document))
    return lines
