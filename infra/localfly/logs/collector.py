"""Collects the output of machines from their files into one log per app (`fly logs`)."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from localfly.logs.app_log import AppLog, LogLine
from localfly.timing.clock import Clock

_COLLECT_SECONDS: Final = 0.2
_ROTATE_BYTES: Final = 8 * 1024 * 1024
_LONGEST_LINE_BYTES: Final = 64 * 1024
_READ_BYTES: Final = 1024 * 1024


@dataclass(slots=True)
class _Source:
    """The output file of a machine, and how far it was read."""

    app: str
    instance: str
    region: str
    path: Path
    position: int = 0


class LogCollector:
    """Collects what machines write.

    Each machine writes to a file, not to a pipe of the daemon, so it outlives the daemon.
    A collected file is truncated once it is large. A line that is written at that moment is lost,
    as the daemon is not between a machine and its output.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._logs: dict[str, AppLog] = {}
        self._sources: dict[str, _Source] = {}

    def attach(self, app: str, instance: str, region: str) -> Path:
        """Return the file that the machine's processes append to, and collect it from now on."""
        path = self._folder / f"{instance}.out"
        if instance not in self._sources:
            known = [line.position for line in self._log(app).lines if line.instance == instance]
            position = known[-1] if known else 0
            self._sources[instance] = _Source(app, instance, region, path, position)
        return path

    def detach(self, instance: str) -> None:
        """Collect the rest of a machine that is gone, and remove its file."""
        source = self._sources.pop(instance, None)
        if source:
            self._collect(source)
            source.path.unlink(missing_ok=True)

    def note(self, app: str, instance: str, region: str, message: str) -> None:
        """Add a line about a machine that the platform writes."""
        source = self._sources.get(instance)
        position = source.position if source else 0
        self._append(app, instance, region, [message], position)

    def tail(
        self, app: str, *, after: int | None, instance: str = "", region: str = "", limit: int = 100
    ) -> list[LogLine]:
        """Return the newest lines, or those that follow `after`, oldest first."""
        for source in self._sources.values():
            if source.app == app:
                self._collect(source)
        matching = [
            line
            for line in self._log(app).lines
            if instance in {"", line.instance} and region in {"", line.region}
        ]
        if after is None:
            return matching[-limit:]
        return [line for line in matching if line.sequence > after][:limit]

    def forget(self, app: str) -> None:
        self._logs.pop(app, None)
        for path in self._folder.glob(f"{app}.jsonl*"):
            path.unlink()

    async def collect_for_ever(self) -> None:
        while True:
            self.collect()
            await asyncio.sleep(_COLLECT_SECONDS)

    def collect(self) -> None:
        """Collect what machines have written since the last time."""
        for source in list(self._sources.values()):
            self._collect(source)

    def _log(self, app: str) -> AppLog:
        if app not in self._logs:
            self._logs[app] = AppLog(self._folder / f"{app}.jsonl")
        return self._logs[app]

    def _collect(self, source: _Source) -> None:
        try:
            size = source.path.stat().st_size
        except FileNotFoundError:
            return
        if size < source.position:  # truncated since the position was noted
            source.position = 0
        if size == source.position:
            return
        with source.path.open("rb") as file:
            file.seek(source.position)
            data = file.read(_READ_BYTES)
        complete = _complete_lines(data)
        source.position += len(complete)
        messages = complete.decode(errors="replace").splitlines()
        self._append(source.app, source.instance, source.region, messages, source.position)
        if source.position == size > _ROTATE_BYTES:
            source.path.write_bytes(b"")

    def _append(
        self, app: str, instance: str, region: str, messages: list[str], position: int
    ) -> None:
        log, now = self._log(app), self._clock()
        first = log.next_sequence
        lines = [
            LogLine(first + number, now, "info", instance, region, message, position)
            for number, message in enumerate(messages)
        ]
        if lines:
            log.append(lines)


def _complete_lines(data: bytes) -> bytes:
    """Return the data up to its last line break; all of it if a line is too long to wait for."""
    end = data.rfind(b"\n") + 1
    return data[:end] if end or len(data) < _LONGEST_LINE_BYTES else data
