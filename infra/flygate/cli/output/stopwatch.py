"""How long each phase of a verb takes: printed at its end, and kept for `make bench`."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from flygate.system import private


class Stopwatch:
    """Times phases and keeps them, a line of JSON a run.

    Args:
        path: where the runs are kept.
        what: the run's name.
    """

    def __init__(self, path: Path, what: str) -> None:
        self._path = path
        self._what = what
        self._phases: dict[str, float] = {}

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time one phase."""
        print(f"── {name}", flush=True)
        began = time.monotonic()
        yield
        self._phases[name] = round(time.monotonic() - began, 2)

    def summary(self) -> str:
        """One line with all phases; the run is kept."""
        total = round(sum(self._phases.values()), 2)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        line = {"at": at, "what": self._what, "phases": self._phases, "total": total}
        with contextlib.suppress(OSError):  # a figure for a bench is no reason to fail
            private.folder(self._path.parent)
            private.add_line(self._path, json.dumps(line))
        parts = [f"{name} {seconds:.1f} s" for name, seconds in self._phases.items()]
        return f"took {total:.1f} s: {', '.join(parts)}"
