"""A scenario: what operators do, one thing after the other, and what goes wrong; from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tests.simulation import fault
from tests.simulation.fault import Faults
from tests.simulation.spec import Spec

Verb = Literal["up", "rollback", "forward", "proceed", "abort", "by hand"]

_VERBS: dict[Verb, int] = {
    "up": 60,
    "rollback": 16,
    "forward": 6,
    "proceed": 5,
    "abort": 5,
    "by hand": 8,
}
_BAD = (
    *("crash", "dies:0.3", "dies:2", "sick", "unwell", "unlimited", "erring", "idle", "slow:30"),
    *("slowly", "mute"),
)
_RATES = (0.0, 0.0, 0.01, 0.05, 0.2)
# A rollout of a few machines has fewer calls; those of a long soak are not what is looked for.
CALLS = 250
_REGIONS = (("iad",), ("iad",), ("iad", "fra"))
_STEPS: tuple[tuple[int | str, ...], ...] = (("100%",), (1, "100%"), (1, "50%", "100%"))
_SHARES: tuple[tuple[int | str, ...], ...] = (("1%", "100%"), ("10%", "50%", "100%"))


@dataclass(frozen=True, slots=True)
class Rival:
    """Another run whose Pulumi was killed: it goes on, and its result is lost.

    Attributes:
        spec: what it releases.
        calls: how many it has made when the other one begins.
        is_near: both are on one computer.
    """

    spec: Spec
    calls: int
    is_near: bool
    faults: Faults = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Act:
    """What one operator does.

    Attributes:
        spec: what the checkout asks for then.
        choice: which machine and which deed, if it is done by hand.
        waits: how many seconds the operator waits for another rollout.
        is_unrecorded: the process dies when its work is done, before Pulumi keeps the result.
        computer: whose it is, of two.
    """

    verb: Verb
    spec: Spec
    faults: Faults = field(default_factory=dict)
    choice: int = 0
    waits: float = 0.0
    is_unrecorded: bool = False
    computer: int = 0
    rival: Rival | None = None

    def __str__(self) -> str:
        words: list[str] = [self.verb]
        words += [f"({self.spec})"] if self.verb in {"up", "forward"} else []
        words += [f"choice {self.choice}"] if self.verb == "by hand" else []
        words += [f"waits {self.waits:g}"] if self.waits else []
        words += ["dies before it is recorded"] if self.is_unrecorded else []
        words += [f"computer {self.computer}"] if self.computer else []
        words += [f"faults {_words(self.faults)}"] if self.faults else []
        if self.rival:
            rival, near = self.rival, "near" if self.rival.is_near else "far"
            words.append(f"rival ({rival.spec}) {near} after {rival.calls} {_words(rival.faults)}")
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Attributes:
    is_local: the operators think that it is the local Fly.
    """

    seed: int
    acts: tuple[Act, ...]
    is_local: bool = False

    def __str__(self) -> str:
        lines = [f"{number}. {act}" for number, act in enumerate(self.acts, start=1)]
        return "\n".join([*lines, "the local Fly" if self.is_local else "Fly.io"])


def drawn(seed: int) -> Scenario:
    """The scenario of a seed."""
    chance = random.Random(f"scenario {seed}")
    rate = chance.choice(_RATES)
    spec = _first(chance)
    acts = [Act("up", spec, fault.drawn(chance, rate / 4, CALLS, crashes=False))]
    for _ in range(chance.randint(1, 5)):
        verb = chance.choices(list(_VERBS), list(_VERBS.values()))[0]
        former = spec
        spec = _changed(spec, chance) if verb == "up" else spec
        acts.append(_act(verb, spec, chance, rate))
        if not spec.is_good and chance.random() < 0.7:
            spec = replace(spec, fault="")
        elif chance.random() < 0.15:
            acts.append(_act("up", former, chance, rate))  # the change is reverted
            spec = former
    return Scenario(seed, tuple(acts), is_local=chance.random() < 0.15)


def _act(verb: Verb, spec: Spec, chance: random.Random, rate: float) -> Act:
    return Act(
        verb=verb,
        spec=spec,
        faults=fault.drawn(chance, rate, CALLS, crashes=chance.random() < 0.2),
        choice=chance.randint(0, 99),
        waits=chance.choice((0.0, 0.0, 120.0)),
        is_unrecorded=chance.random() < 0.08,
        computer=chance.choice((0, 0, 1)),
        rival=_rival(spec, chance, rate) if verb != "by hand" and chance.random() < 0.08 else None,
    )


def _rival(spec: Spec, chance: random.Random, rate: float) -> Rival:
    return Rival(
        spec=_changed(spec, chance),
        calls=chance.randint(5, 80),
        is_near=chance.random() < 0.5,
        faults=fault.drawn(chance, rate, CALLS, crashes=chance.random() < 0.3),
    )


def _first(chance: random.Random) -> Spec:
    return _with_course(Spec(machines=chance.choice((1, 1, 2, 3))), chance)


def _changed(spec: Spec, chance: random.Random) -> Spec:
    """One to three things are other ones."""
    changed = spec
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        changed = replace(changed, **_change(changed, chance))
    if chance.random() < 0.3:
        changed = _with_course(changed, chance)
    return changed


def _change(spec: Spec, chance: random.Random) -> dict[str, Any]:
    changes: tuple[Callable[[], dict[str, Any]], ...] = (
        lambda: {"code": chance.randint(1, 9)},
        lambda: {"greeting": chance.randint(1, 9)},
        lambda: {"key": chance.randint(1, 9)},
        lambda: {"other": chance.randint(0, 2)},
        lambda: {"machines": chance.choice((1, 2, 3))},
        lambda: {"regions": chance.choice(_REGIONS)},
        lambda: _phase(spec, chance.choice((1, 2, 3))),
        lambda: {"fault": chance.choice(_BAD)},
    )
    return chance.choice(changes)()


def _phase(spec: Spec, phase: int) -> dict[str, Any]:
    return {"phase": phase, "machines": max(spec.machines, phase - 1)}


def _with_course(spec: Spec, chance: random.Random) -> Spec:
    if chance.random() < 0.15:
        return replace(
            spec, strategy="canary", by="clients", steps=chance.choice(_SHARES), soak="0s"
        )
    return replace(
        spec,
        by="machines",
        strategy=chance.choice(("canary", "bluegreen", "rolling", "immediate")),
        steps=chance.choice(_STEPS),
        soak=chance.choice(("0s", "0s", "3s")),
        drain=chance.choice(("0s", "0s", "2s")),
        standby=chance.choice(("1h", "1h", "0s")),
    )


def _words(faults: Faults) -> str:
    return "{" + ", ".join(f"{number}: {one}" for number, one in sorted(faults.items())) + "}"
