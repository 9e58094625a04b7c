"""The gate of a soak: the new machines serve beside the former ones and are compared with them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from flygate.fly.errors import FlyError
from flygate.fly.web import open_web
from flygate.rollout.clients.collector import collect
from flygate.rollout.execution import Execution
from flygate.rollout.judge.judge import GATE
from flygate.rollout.judge.rules import Rules
from flygate.rollout.judge.snapshot import DIED_AT, read
from flygate.rollout.judge.watch import Soak, Watch, Watched
from flygate.rollout.machine import life
from flygate.rollout.machine.member import Member
from flygate.rollout.target import Target
from flygate.rollout.verdict import Verdict
from flygate.system import duration

# A bad release should be seen within seconds, and each look costs the machines a request.
LOOKS: Final = 30
SECONDS_BETWEEN_MIN: Final = 0.5
SECONDS_BETWEEN_MAX: Final = 10.0
# Caches are cold at first. A short soak can't wait for them as long as a long one.
WARM_UP_SECONDS: Final = 10.0
WARM_UP_SHARE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Soaked:
    """The new machines are no worse than the former release's, over a while.

    Attributes:
        seconds: how long; as long again if it is inconclusive then.
        rules: what the judge goes by.
    """

    seconds: float
    rules: Rules
    name = GATE

    @classmethod
    def of(cls, target: Target) -> Self:
        """Return the gate that a manifest has after each of its steps."""
        course = target.manifest.rollout
        seconds = duration.seconds(course.soak)
        return cls(
            seconds,
            Rules(
                course.judge,
                warm_up=min(WARM_UP_SECONDS, WARM_UP_SHARE * seconds),
                soaks=1 if course.strategy == "bluegreen" else len(course.steps),
                regions=len(target.manifest.regions),
                looks=math.ceil(seconds / _between(seconds)),
            ),
        )

    async def judge(self, execution: Execution, machines: Sequence[Member]) -> Verdict:
        """Look every few seconds: fail as soon as it is sure, pass only at the end."""
        soak = self._soak(execution)
        watch = Watch(soak)
        execution.journal.write("soak", self.name, self._headline(soak), data=soak.dump())
        before = await _ends(execution)
        began = time.monotonic()
        async with open_web(execution.target.url) as web:
            for number in itertools.count():
                await asyncio.sleep(began + number * _between(self.seconds) - time.monotonic())
                answers = await collect(web, soak.members, execution.target.key)
                at = round(time.monotonic() - began, 3)
                ends = before if number == 0 else {}
                if at >= self.seconds:
                    ends = await _ends(execution)
                answers = {
                    machine: {**one, **ends.get(machine, {})} for machine, one in answers.items()
                }
                verdict = self._look(watch, at, answers, execution)
                if watch.is_over:
                    break
        ids = {member.name: machine for machine, member in soak.members.items()}
        return replace(verdict, machine=ids.get(verdict.name, ""))

    def _look(
        self, watch: Watch, at: float, answers: dict[str, Any], execution: Execution
    ) -> Verdict:
        was_extended = watch.is_extended
        verdict = watch.look({machine: read(at, one) for machine, one in answers.items()})
        data = {"at": at, "told": answers}
        execution.journal.write(
            "sample", self.name, f"{verdict.outcome}: {verdict.reason}", data=data
        )
        if watch.is_extended and not was_extended:
            text = f"{verdict.reason}; {self.seconds:g} s more"
            execution.journal.write("extended", self.name, text, data=verdict.numbers)
        return verdict

    def _soak(self, execution: Execution) -> Soak:
        sides = ((tuple(execution.made.values()), True), (execution.former, False))
        members = {
            member.id: Watched(member.name, member.region, is_new)
            for side, is_new in sides
            for member in side
            # The others serve nothing to compare.
            if execution.target.leads(member.group, {one.group for one in side})
        }
        return Soak(members, self.seconds, self.rules)

    def _headline(self, soak: Soak) -> str:
        new = [member.name for member in soak.members.values() if member.is_new]
        former = [member.name for member in soak.members.values() if not member.is_new]
        return f"compares {', '.join(new)} with {', '.join(former)} for {self.seconds:g} s"


async def _ends(execution: Execution) -> dict[str, dict[str, int]]:
    """Return when each new machine last died, by Fly: a restart may fall between two looks."""
    found = {}
    for member in execution.made.values():
        with contextlib.suppress(FlyError):  # then only the machine itself reports a restart
            machine = await execution.fly.machine(execution.app, member.id)
            found[member.id] = {DIED_AT: life.died_at(machine)}
    return found


def _between(seconds: float) -> float:
    """Return the seconds from one look to the next."""
    return min(SECONDS_BETWEEN_MAX, max(SECONDS_BETWEEN_MIN, seconds / LOOKS))
