"""`make bench`: how long `make up`, a change and a rollback take, in a copy of this checkout.

Prints medians and writes them into docs/benchmarks.md. The goals are for a 2-core machine.
"""

from __future__ import annotations

import re
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import page
from tests.e2e.project import ROOT, Project, Run

ROUNDS = 5
API = "service/flygate_service/routes/api.py"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was measured, in seconds."""

    what: str
    times: list[float]
    goal: float | None = None

    def cells(self) -> list[str]:
        """For the table: median, smallest and largest, the goal."""
        middle, low, high = statistics.median(self.times), min(self.times), max(self.times)
        goal = f"{self.goal:g} s" if self.goal else ""
        return [self.what, f"{middle:.1f} s", f"{low:.1f}-{high:.1f} s", str(len(self.times)), goal]


def main() -> None:
    """Measure, print, write."""
    with tempfile.TemporaryDirectory() as folder:
        project = Project.copy_to(Path(folder) / "bench")
        try:
            rows = measure(project)
        finally:
            project.flygate("local", "down")
    table = page.table(["what", "median", "range", "runs", "goal"], [row.cells() for row in rows])
    print(f"\n{table}")
    at = datetime.now(UTC).date().isoformat()
    page.write(ROOT / "docs" / "benchmarks.md", "up", f"Measured {at}, 2 cores.\n\n{table}")


def measure(project: Project) -> list[Row]:
    """The rows, in the order in which a user meets them."""
    bootstrap = timed(lambda: project.run("scripts/bootstrap"))
    project.flygate("local", "up", "--api-port", "0", "--proxy-port", "0").ok()
    first = timed(lambda: project.run("make", "up"))
    again, phases = [], []
    for _ in range(ROUNDS):
        seconds, run = timed(lambda: project.run("make", "up"))
        again.append(seconds)
        phases.append(phases_of(run))
    changes, rollbacks = change_and_return(project)
    return [
        Row("bootstrap of a fresh clone, Pulumi CLI in the cache", [bootstrap[0]]),
        Row("`make up`, first", [first[0]]),
        Row("`make up`, nothing changed", again, 6),
        *(Row(f"· {name}", [p[name] for p in phases]) for name in phases[0]),
        Row("`make up`, code changed: live", changes, 15),
        Row("`flygate rollback local`", rollbacks, 6),
    ]


def change_and_return(project: Project) -> tuple[list[float], list[float]]:
    """Change the code and deploy it, roll back, and go forward again; a few times."""
    changes, rollbacks = [], []
    for number in range(ROUNDS):
        project.append(API, f"# change {number}")
        changes.append(timed(lambda: project.run("make", "up"))[0])
        rollbacks.append(timed(lambda: project.flygate("rollback", "local"))[0])
        project.flygate("forward", "local").ok()
    return changes, rollbacks


def timed(action: Callable[[], Run]) -> tuple[float, Run]:
    """How long a command takes."""
    began = time.monotonic()
    run = action().ok()
    seconds = time.monotonic() - began
    print(f"{seconds:6.1f} s  {' '.join(run.command)}", flush=True)
    return seconds, run


def phases_of(run: Run) -> dict[str, float]:
    """The phases that `flygate up` printed."""
    line = re.search(r"^took [\d.]+ s: (.*)$", run.output, flags=re.M)
    assert line is not None, run.output
    return {m[1]: float(m[2]) for m in re.finditer(r"([a-zA-Z ]+?) ([\d.]+) s", line[1])}


if __name__ == "__main__":
    main()
