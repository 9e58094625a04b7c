"""One change of a stack while a share of Fly's API fails, and what became of it."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

from tests.e2e.ending import Ending
from tests.e2e.load import Crowd
from tests.e2e.project import Project, Run
from tests.e2e.story import Change, Content, Story

# A failed call, a gate's verdict, a lease, or that Fly is down: anything that says what it was.
_CAUSE = re.compile(
    r"(GET|POST|PUT|PATCH|DELETE|HEAD|query|mutation) \S+|\bcheck of\b|\blease\b|Fly's API|is held"
)
_RESTORE_FAILED = ("Taking it back failed", "nothing more was touched")
_LAST_LINES = 12
PROCEED = ("./flygate", "proceed", "local", "--reason", "a drill")


@dataclass(slots=True)
class Trial:
    """What one command came to.

    Attributes:
        faults: how many calls met one.
        failures: requests of clients that failed meanwhile.
        wrong: what was not as it must be, in words.
        is_readable: the ledger could be read after it.
    """

    change: Change
    seed: int
    run: Run
    faults: int
    failures: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    is_readable: bool = True

    @property
    def succeeded(self) -> bool:
        """At the first try."""
        return self.run.code == 0

    @property
    def is_unrestored(self) -> bool:
        """It ended with 4, or said so in words."""
        return self.run.code == 4 or any(text in self.run.output for text in _RESTORE_FAILED)

    @property
    def is_held(self) -> bool:
        """A gate could not decide, so that an operator must."""
        return not self.succeeded and "`flygate proceed" in self.run.output

    @property
    def repeated(self) -> int:
        """Calls that the command said it repeated."""
        return self.run.output.count("(repeated in")

    @property
    def names_a_cause(self) -> bool:
        """The last lines say what it was that failed."""
        return _CAUSE.search("\n".join(self.last_lines)) is not None

    @property
    def last_lines(self) -> list[str]:
        """Of its output, without the stack's outputs, which Pulumi prints after its diagnostics."""
        said = re.sub(r"\nOutputs:\n.*?\n(?=Resources:)", "\n", self.run.output, flags=re.DOTALL)
        return [line for line in said.splitlines() if line.strip()][-_LAST_LINES:]

    def __str__(self) -> str:
        became = "done" if self.succeeded else f"code {self.run.code}"
        bad = "".join(f"\n    wrong: {text}" for text in self.wrong)
        failed = "".join(f"\n    failed: {text}" for text in self.failures[:3])
        said = (
            "" if self.succeeded and not bad else "".join(f"\n    | {t}" for t in self.last_lines)
        )
        return f"seed {self.seed}: {self.change}: {became}, {self.faults} faults{bad}{failed}{said}"


@dataclass(frozen=True, slots=True)
class Chaos:
    """A share of all requests to the API, while the context lasts."""

    project: Project
    share: float

    @contextlib.contextmanager
    def reigns(self, seed: int) -> Iterator[list[int]]:
        """The list has the number of faults that were met, once it has ended."""
        url, met = f"{self.project.local_fly()}/_faults", list[int]()
        body, headers = {"share": self.share, "seed": seed}, self.project.authorization
        httpx.post(f"{url}/chaos", json=body, headers=headers, trust_env=False).raise_for_status()
        try:
            yield met
        finally:
            met.append(httpx.get(url, headers=headers, trust_env=False).json()["chaos"]["hits"])
            httpx.delete(url, headers=headers, trust_env=False).raise_for_status()


def begin(project: Project, story: Story) -> float:
    """The first release of a story, in quiet; how many seconds its command took."""
    first = Change("env", "bluegreen", "0s", story.up, story.asked)
    project.forget("secrets.CHAOS")  # of a story before
    story.ask_for(project, first)
    forward = ("./flygate", "forward", "local")
    began = time.monotonic()
    project.type(forward if story.is_pinned else first.words).ok()
    seconds = time.monotonic() - began
    ending = Ending.of(project)
    assert not ending.wrong(story.asked), ending.wrong(story.asked)
    story.note(first, ending.version, story.asked)
    return seconds


def tried(story: Story, chaos: Chaos, load: Crowd, seed: int) -> Trial:
    """The next change of a story, under chaos; if it fails, once more in quiet, which succeeds."""
    project, change = chaos.project, story.next()
    story.ask_for(project, change)
    load.forget()
    with chaos.reigns(seed) as met:
        run = project.type(change.words)
    trial = Trial(change, seed, run, met[0])
    if trial.succeeded:
        _check_done(project, story, trial, run)
    else:
        if not trial.is_held:
            _check(trial, Ending.of(project), story.serving)
        again = project.type(PROCEED if trial.is_held else change.words)
        _check_done(project, story, trial, again)
    trial.failures = load.failures
    return trial


def _check_done(project: Project, story: Story, trial: Trial, run: Run) -> None:
    """A command is to have succeeded, with what it was to bring about."""
    wanted, ending = story.wanted(trial.change, run), Ending.of(project)
    if run.code != 0:
        trial.wrong.append(f"typed once more, it ended with {run.code}: {run.output[-1500:]}")
    elif wanted:
        _check(trial, ending, wanted)
    if ending.version:  # whatever it is, the next change begins with it
        story.note(trial.change, ending.version, ending.content[ending.version])


def _check(trial: Trial, ending: Ending, wanted: Content) -> None:
    trial.wrong += ending.wrong(wanted)
    trial.is_readable = trial.is_readable and ending.history is not None
