"""`make bench-rollout`: how long a bad release lives, a rollback takes, ten machines take.

All in one run on a local Fly, in a copy of this checkout; writes docs/benchmarks.md. An argument
says how many rounds: `make bench-rollout ARGS=5`.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import page
from tests.e2e.load import Load
from tests.e2e.project import ROOT, Project, Run

ROUNDS = 3
BAD = 'raise RuntimeError("a bad release")'
# Its first machine is well, so that a rolling release retires an old one; the next ones are not.
BAD_LATER = """
import os
from pathlib import Path

starts = Path(os.environ["STARTS"])
starts.write_text(starts.read_text() + "x" if starts.exists() else "x")
if len(starts.read_text()) > 1:
    raise RuntimeError("bad from the second machine on")
"""
API = "service/flygate_service/routes/api.py"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was measured, in seconds."""

    what: str
    times: list[float]
    goal: float

    def cells(self) -> list[str]:
        """For the table: median, smallest and largest, the goal."""
        middle, low, high = statistics.median(self.times), min(self.times), max(self.times)
        runs = str(len(self.times))
        return [self.what, f"{middle:.1f} s", f"{low:.1f}-{high:.1f} s", runs, f"{self.goal:g} s"]


def main() -> None:
    """Measure, print, write."""
    with tempfile.TemporaryDirectory() as folder:
        project = Project.copy_to(Path(folder) / "bench")
        try:
            project.run("scripts/bootstrap").ok()
            project.flygate("local", "up", "--api-port", "0", "--proxy-port", "0").ok()
            project.run("make", "up").ok()
            rows = list(measure(project, int(sys.argv[1]) if sys.argv[1:] else ROUNDS))
        finally:
            project.flygate("local", "down")
    table = page.table(["what", "median", "range", "runs", "goal"], [row.cells() for row in rows])
    print(f"\n{table}")
    at = datetime.now(UTC).date().isoformat()
    page.write(ROOT / "docs" / "benchmarks.md", "rollout", f"Measured {at}, 2 cores.\n\n{table}")


def measure(project: Project, rounds: int) -> Iterator[Row]:
    """The rows; each round is one of everything, so that all meet the same machine."""
    restored, engine, whole, after = [], [], [], []
    for number in range(rounds):
        project.config("env.GREETING", f"round {number}")
        project.up().ok()
        project.append(API, BAD)
        with_load(project, project.up)
        restored.append(way_back(project))
        project.restore(API)
        whole.append(with_load(project, lambda: project.flygate("rollback", "local").ok()))
        engine.append(took(project))
        project.flygate("forward", "local").ok()
        after.append(took(project))
    yield Row("a bad release is found out → all is as before", restored, 3)
    late = list(half_replaced(project, rounds))
    yield Row("the same, when old machines must start again (rolling)", late, 3)
    yield Row("`flygate rollback`, from standby: the engine", engine, 3)
    yield Row("`flygate rollback`, from standby: with Pulumi", whole, 6)
    yield Row("one machine replaced: the engine", after, 7)
    yield Row("ten machines, no soak: the engine", list(ten_machines(project)), 20)


def half_replaced(project: Project, rounds: int) -> Iterator[float]:
    """A rolling release of two machines whose second one is bad, when one old one has gone."""
    project.config("machines", "2")
    project.config("rollout.strategy", "rolling")
    project.up().ok()
    for number in range(rounds):
        project.config("env.STARTS", str(project.path.with_name(f"starts-{number}")))
        project.append(API, BAD_LATER)
        with_load(project, project.up)
        yield way_back(project)
        project.restore(API)
    project.forget("env.STARTS")
    project.config("rollout.strategy", "bluegreen")


def ten_machines(project: Project) -> Iterator[float]:
    """Ten in one region, made and then replaced."""
    project.config("machines", "10")
    for word in ("made", "replaced"):
        project.config("env.GREETING", word)
        with_load(project, lambda: project.up().ok())
        yield took(project)
    project.forget("machines")


def with_load(project: Project, act: Callable[[], Run]) -> float:
    """How long something takes under load; no request may fail."""
    with Load(project.web) as load:
        began = time.monotonic()
        run = act()
        seconds = time.monotonic() - began
    assert load.failures == [], load.failures[:3]
    print(f"{seconds:6.1f} s  {' '.join(run.command)[-60:]}", flush=True)
    return seconds


def events(project: Project) -> list[dict[str, str]]:
    """The journal's events since its last rollout began."""
    path = next((project.path / ".flygate" / "journal").glob("*.jsonl"))
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    begins = [number for number, event in enumerate(found) if event["kind"] == "started"]
    return found[begins[-1] :]


def took(project: Project) -> float:
    """The engine's own time for its last rollout."""
    last = events(project)[-1]
    assert last["kind"] == "finished", Counter(event["kind"] for event in events(project))
    return float(last["seconds"])


def way_back(project: Project) -> float:
    """From the verdict against a release to the moment when all was restored."""
    at = {event["kind"]: float(event["seconds"]) for event in events(project)}
    return at["restored"] - at["failed"]


if __name__ == "__main__":
    main()
