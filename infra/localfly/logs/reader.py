"""Reads the log files of a state folder; no daemon need run on it."""

from pathlib import Path

from localfly.logs.app_log import LogLine, read_lines


class LogReader:
    """Returns each line of the selected machines once, those of all apps in the order of time."""

    def __init__(self, state_dir: Path, machine: str) -> None:
        self._folder = state_dir / "logs"
        self._machine = machine  # an id or its beginning
        self._last: dict[str, int] = {}  # by app: the last sequence that was returned

    def new_lines(self) -> list[LogLine]:
        """Return the lines that were not returned yet."""
        found = [line for path in self._folder.glob("*.jsonl") for line in self._new(path)]
        return sorted(found, key=lambda line: line.timestamp)

    def _new(self, path: Path) -> list[LogLine]:
        last = self._last.get(path.name, 0)
        lines = [line for line in read_lines(path) if line.sequence > last]
        if lines:
            self._last[path.name] = lines[-1].sequence
        return [line for line in lines if line.instance.startswith(self._machine)]
