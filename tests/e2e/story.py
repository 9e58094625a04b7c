"""What a stack was asked for and what it released, and the next change of it, chosen by a seed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Literal

from tests.e2e.project import Project, Run

Kind = Literal["code", "env", "secret", "scale", "phase", "rollback", "forward", "proceed", "abort"]
STRATEGIES = ("canary", "bluegreen", "rolling", "immediate")
PLAIN: tuple[Kind, ...] = ("code", "env", "secret", "scale", "phase", "rollback")
HELD: tuple[Kind, ...] = ("proceed", "abort")
API = "service/flygate_service/routes/api.py"
_MOST_MACHINES = 3
# No client of a constant load is refused; a proof of the limiter does not take long.
_LIMITS = {"env.RATE_LIMIT_RPM": "24000", "env.RATE_LIMIT_BURST": "100"}
# Machines look for new ones every five seconds, and only then do clients come to these.
_SOAKS = ("0s", "0s", "6s")
# A short soak has few requests to go by, so it can rule out gross failures only.
_TOLERANT = {"rollout.judge.errors": "50", "rollout.judge.latency": "20"}
# One that a short soak under load reaches, and one that no soak ever does.
_ENOUGH, _NEVER = "1", "1000000"


@dataclass(frozen=True, slots=True)
class Content:
    """What a release is made of, as its machines can tell."""

    greeting: str = ""
    secret: str = ""
    code: str = ""
    machines: int = 1
    phase: int = 1


@dataclass(frozen=True, slots=True)
class Change:
    """One command, and what it is to come to.

    Attributes:
        words: what is typed: `pulumi up …` or a verb of `./flygate`.
        wanted: what serves alone when it has succeeded; None: what its output says (a rollback).
        holds: a rollout is to be held first, for the command to decide about.
    """

    kind: Kind
    strategy: str
    soak: str
    words: tuple[str, ...]
    wanted: Content | None
    holds: bool = False

    def __str__(self) -> str:
        return f"{self.kind} ({self.strategy}, soak {self.soak})"


@dataclass(slots=True)
class Story:
    """The life of one stack, as the operator knows it.

    Args:
        random: chooses.
        up: what is typed to deploy.
        kinds: of changes; `forward` follows each rollback by itself.
        asked: by the checkout and the configuration, from the first release on.

    Attributes:
        released: content by version; the newest one serves.
        is_pinned: since a rollback; of the story before, where there was one.
    """

    random: Random
    up: tuple[str, ...]
    kinds: tuple[Kind, ...] = (*PLAIN, *HELD)
    asked: Content = Content()
    released: dict[int, Content] = field(default_factory=dict)
    is_pinned: bool = False
    _bag: list[Kind] = field(default_factory=list)
    _count: int = 0

    @property
    def serving(self) -> Content:
        """What the newest release is made of."""
        return self.released[max(self.released)]

    def next(self, kind: Kind | None = None) -> Change:
        """Another change; the kinds come in turns, in an order by chance."""
        kind = kind or self._kind()
        strategy, soak = self.random.choice(STRATEGIES), self.random.choice(_SOAKS)
        if kind == "rollback":
            return Change(kind, strategy, soak, ("./flygate", "rollback", "local"), None)
        if kind != "forward":
            self.asked = self._changed(kind)
        if kind in HELD:
            reason = ("--reason", "a drill")
            wanted = self.asked if kind == "proceed" else self.serving
            words = ("./flygate", kind, "local", *reason)
            return Change(kind, "canary", "1s", words, wanted, holds=True)
        typed = ("./flygate", "forward", "local") if kind == "forward" else self.up
        return Change(kind, strategy, soak, typed, self.asked)

    def ask_for(self, project: Project, change: Change) -> None:
        """Bring checkout and configuration to what the change needs, and a rollout to its hold."""
        project.restore(API)
        if self.asked.code:
            project.append(API, f"# mark {self.asked.code}")
        if change.kind == "secret":
            project.config("secrets.CHAOS", self.asked.secret, secret=True)
        minimum = _NEVER if change.holds else _ENOUGH
        configure(project, self._values(change) | _TOLERANT | {"rollout.judge.minimum": minimum})
        if change.holds:
            held = project.flygate("up", "local", "--quiet")
            assert held.code == 3, f"{change} was not held:\n{held.output}"

    def wanted(self, change: Change, run: Run) -> Content | None:
        """What a command was to bring about; None if it came to an end before it said so."""
        if change.wanted:
            return change.wanted
        found = re.search(r"rolling back local from v\d+ to v(\d+)", run.output)
        return self.released.get(int(found[1])) if found else None

    def note(self, change: Change, version: int, content: Content) -> None:
        """A command has succeeded."""
        self.released[version] = content
        self.is_pinned = change.kind == "rollback"

    def _kind(self) -> Kind:
        if self.is_pinned:
            return "forward"
        if not self._bag:
            self._bag = list(self.kinds)
            self.random.shuffle(self._bag)
        if self._bag[-1] == "rollback" and self._has_no_way_back:
            self._bag.insert(0, self._bag.pop())
        return self._bag.pop()

    @property
    def _has_no_way_back(self) -> bool:
        return len({*self.released.values()}) < 2

    def _changed(self, kind: Kind) -> Content:
        self._count += 1
        word = f"{kind}{self._count}"
        match kind:
            case "code":
                return replace(self.asked, code=word)
            case "secret":
                return replace(self.asked, secret=f"secret-{self.random.randrange(10**9)}")
            case "scale":
                others = {*range(1, _MOST_MACHINES + 1)} - {self.asked.machines}
                return replace(self.asked, machines=self.random.choice(sorted(others)))
            case "phase":
                return replace(self.asked, phase=3 - self.asked.phase)
            case "proceed" | "abort":
                # One step only: a second one would be held as well.
                return replace(self.asked, greeting=word, machines=1)
            case _:
                return replace(self.asked, greeting=word)

    def _values(self, change: Change) -> dict[str, str]:
        return {
            "rollout.strategy": change.strategy,
            "rollout.soak": change.soak,
            **_LIMITS,
            "env.GREETING": self.asked.greeting,
            "machines": str(self.asked.machines),
            "phase": str(self.asked.phase),
        }


def configure(project: Project, values: Mapping[str, str]) -> None:
    """Set values of the stack's configuration at once."""
    pairs = [word for pair in values.items() for word in ("--plaintext", "=".join(pair))]
    project.pulumi("config", "set-all", "--stack", "local", "--path", *pairs).ok()
