"""A process killed in the middle of a command, and what must be typed until all is well again."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx

from tests.e2e import victims
from tests.e2e.ending import Ending
from tests.e2e.load import Crowd
from tests.e2e.project import Project, Run
from tests.e2e.story import Change, Content, Story
from tests.e2e.trial import PROCEED

MOST_COMMANDS = 6
_NAMED = re.compile(r"`((?:flygate|make|pulumi) [^`]+)`")
_UNLOCK, _RAISE = ("./flygate", "unlock", "local"), ("make", "up")


@dataclass(slots=True)
class Crash:
    """What became of it.

    Attributes:
        moment: seconds after the command began.
        commands: that had to be typed.
        excused: no machine could have served meanwhile: the only machine was killed, or the proxy.
        wrong: what was not as it must be, in words.
    """

    victim: str
    change: Change
    moment: float
    screen: str
    excused: bool
    commands: list[Sequence[str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        reported = [f"{self.victim} at {self.moment:.1f} s of {self.change}"]
        reported += [f"    typed: {' '.join(words)}" for words in self.commands]
        reported += [f"    wrong: {text}" for text in self.wrong]
        reported += [f"    failed: {text}" for text in self.failures[:3]]
        if self.wrong or len(self.commands) > 1 or self.failures:
            reported += [f"    | {line}" for line in self.screen.splitlines()[-8:]]
        return "\n".join(reported)


@dataclass(frozen=True, slots=True)
class Scene:
    """Where it happens.

    Attributes:
        load: those who ask all the time.
        seconds: how long a command takes here, roughly.
    """

    project: Project
    story: Story
    load: Crowd
    seconds: float

    def kill(self, victim: str, moment: float) -> Crash | None:
        """The next change of the story, whose victim is killed at a moment.

        Args:
            moment: from 0, when the command begins, to 1, when it ends, roughly; later, if the
                victim is not there yet.

        Returns:
            What became of it; None if the command had ended before.
        """
        change = self.story.next()
        self.story.ask_for(self.project, change)
        self.load.forget()
        excused = victim == victims.LOCAL_FLY or (
            victim == victims.OLD and victims.serving(self.project) == 1
        )
        run, at = self._interrupted(change, victim, moment)
        crash = Crash(victim, change, at, run.output, excused)
        wanted = self.story.wanted(change, run) or self.story.serving
        self._converge(crash, run, wanted)
        crash.failures = [] if excused else self.load.failures
        return crash if at else None

    def _interrupted(self, change: Change, victim: str, moment: float) -> tuple[Run, float]:
        """The command, and when its victim was killed: 0 if it was not."""
        log = self.project.path / ".flygate" / "interrupted.log"
        began = time.monotonic()
        with log.open("wb") as file:
            process = self.project.begin(change.words, file)
            struck = self._strike(process, victim, moment)
            at = time.monotonic() - began if struck else 0.0
            code = process.wait(300)
        wait_for(lambda: not victims.pids(self.project, victims.ENGINE))
        return Run(code, log.read_text(encoding="utf-8", errors="replace"), change.words), at

    def _strike(self, process: subprocess.Popen[bytes], victim: str, moment: float) -> bool:
        if self._ended(process, self.seconds * moment):
            return False
        if not victims.present(self.project, victim):
            while not victims.present(self.project, victim):
                if self._ended(process, 0.05):
                    return False
            if self._ended(process, self.seconds * moment / 4):  # not always as it begins
                return False
        return bool(victims.strike(self.project, victim))

    @staticmethod
    def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        return process.poll() is not None

    def _converge(self, crash: Crash, run: Run, wanted: Content) -> None:
        """Type what the screen says until what was wanted serves alone."""
        while wrong := self._wrong(run, wanted):
            if len(crash.commands) == MOST_COMMANDS:
                crash.wrong += [*wrong, run.output[-1500:]]
                break
            words = _next_words(run, crash)
            crash.commands.append(words)
            run = self.project.type(words)
        self._note(crash.change)

    def _wrong(self, run: Run, wanted: Content) -> list[str]:
        if self._locks():
            return ["Pulumi's lock is left"]
        try:
            ending = Ending.of(self.project, patient=False)
        except (OSError, httpx.TransportError):
            return ["the local Fly does not run"]
        wrong = ending.wrong(wanted)
        if run.code == 0 and wrong:
            return [f"{' '.join(run.command)} ended with 0", *wrong]
        return wrong

    def _note(self, change: Change) -> None:
        ending = Ending.of(self.project, patient=False)
        if ending.version:
            self.story.note(change, ending.version, ending.content[ending.version])

    def _locks(self) -> list[str]:
        folder = self.project.path / ".flygate/state/.pulumi/locks"
        return [path.name for path in folder.rglob("*.json")]


def wait_for(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Return when a condition holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def _next_words(run: Run, crash: Crash) -> Sequence[str]:
    """What the screen names, or the same command again."""
    named = _NAMED.findall(run.output)
    last = crash.commands[-1] if crash.commands else ()
    for beginning, words in (("flygate unlock", _UNLOCK), ("make up", _RAISE)):
        if words != last and any(name.startswith(beginning) for name in named):
            return words
    if "`flygate proceed" in run.output and crash.change.kind != "abort":
        return PROCEED
    return crash.change.words
