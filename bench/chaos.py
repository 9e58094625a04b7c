"""`make bench-chaos`: rollouts of every kind while Fly's API fails, and while processes are killed.

All through the real command line, in a copy of this checkout on a local Fly, under steady load.
ARGS="--rollouts 24 --shares 1,5,20 --kills 60 --seed 1 --write"; `--only faults|crashes`.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from bench import crashes, page
from tests.e2e.load import Crowd
from tests.e2e.project import ROOT, Project
from tests.e2e.story import Story
from tests.e2e.trial import Chaos, Trial, begin, tried

HEAD = (
    *("calls that fail", "rollouts", "at the first try", "restored, or held", "no reason given"),
    *("exit 4", "wrong end", "unreadable ledgers", "calls repeated", "requests failed"),
)
GOALS = {1: 100, 5: 95, 20: 70}
UP = ("pulumi", "up", "--stack", "local", "--yes")


def main() -> None:
    """Measure, print, write."""
    asked = _arguments()
    with contextlib.ExitStack() as stack:
        folder = asked.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        project = stack.enter_context(brought_up(folder / "bench"))
        for name, measure in {"faults": faults, "crashes": crashes.report}.items():
            if asked.only in {None, name}:
                began = time.monotonic()
                lines = [
                    f"Measured {time.strftime('%Y-%m-%d')}, 2 cores, seed {asked.seed}.",
                    *("", *measure(project, asked)),
                ]
                text = "\n".join(lines)
                print(f"\n{text}\n\n{time.monotonic() - began:.0f} s\n", flush=True)
                if asked.write:
                    page.write(ROOT / "docs" / "benchmarks.md", f"chaos-{name}", text)


def faults(project: Project, asked: argparse.Namespace) -> list[str]:
    """The table of an API that fails, as lines."""
    story = Story(Random(asked.seed), UP)
    begin(project, story)
    rows = []
    for share in map(int, asked.shares.split(",")):
        chaos = Chaos(project, share / 100)
        with Crowd(project.outputs_of("url")) as load:
            trials = []
            for number in range(asked.rollouts):
                began = time.monotonic()
                trials.append(tried(story, chaos, load, 1000 * asked.seed + 100 * share + number))
                print(f"{share} % {time.monotonic() - began:5.1f} s {trials[-1]}", flush=True)
        rows.append(_cells(share, trials, load))
    return [page.table(HEAD, rows)]


@contextlib.contextmanager
def brought_up(path: Path) -> Iterator[Project]:
    """A copy of this checkout whose local Fly runs meanwhile; one that is there is renewed."""
    is_new = not path.exists()
    project = Project.copy_to(path)
    try:
        if is_new:
            project.run("scripts/bootstrap").ok()
        project.flygate(*Project.LOCAL_FLY).ok()
        if is_new:
            project.run("make", "up").ok()
        yield project
    finally:
        project.flygate("local", "down")


def _cells(share: int, trials: list[Trial], load: Crowd) -> list[str]:
    first = sum(trial.succeeded for trial in trials)
    failed = sum(len(trial.failures) for trial in trials)
    goal = f" (goal {GOALS[share]} %)" if share in GOALS else ""
    return [
        f"{share} %",
        str(len(trials)),
        f"{first} = {first / len(trials):.0%}{goal}",
        str(len(trials) - first),
        str(sum(not trial.succeeded and not trial.names_a_cause for trial in trials)),
        str(sum(trial.is_unrestored for trial in trials)),
        str(sum(bool(trial.wrong) for trial in trials)),
        str(sum(not trial.is_readable for trial in trials)),
        f"{sum(trial.repeated for trial in trials)}",
        f"{failed} of {load.served + failed:,}",
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-chaos", description=__doc__)
    parser.add_argument("--rollouts", type=int, default=24, help="at each share")
    parser.add_argument("--shares", default="1,5,20", help="of the calls that fail, in percent")
    parser.add_argument("--kills", type=int, default=60, help="how many processes are killed")
    parser.add_argument("--of-redis", type=int, default=8, help="how many of them are Redis")
    parser.add_argument("--kinds", default="", help="of changes while it kills: proceed,abort")
    parser.add_argument("--seed", type=int, default=1, help="of all that is by chance")
    parser.add_argument("--only", choices=("faults", "crashes"), help="one part")
    parser.add_argument("--in", dest="folder", type=Path, help="keep the copy in this folder")
    parser.add_argument("--write", action="store_true", help="also into docs/benchmarks.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
