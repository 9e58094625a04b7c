"""Makes a scenario that fails shorter, as long as it fails in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tests.simulation.fault import Faults
from tests.simulation.run import run
from tests.simulation.scenario import Act, Scenario

# A longer search seldom finds a shorter one.
RUNS_MAX = 400


def shortest(scenario: Scenario) -> Scenario:
    """The shortest scenario that is found to fail in the same way."""
    search = _Search(scenario)
    while search.improve():
        pass
    return search.best


class _Search:
    def __init__(self, scenario: Scenario) -> None:
        self.best = scenario
        self._kind = run(scenario).kind
        self._left = RUNS_MAX

    def improve(self) -> bool:
        """Take the first simpler one that fails; False if there is none."""
        improved = False
        for simpler in _PASSES:
            while any(self._takes(one) for one in simpler(self.best)):
                improved = True
        return improved and self._left > 0

    def _takes(self, scenario: Scenario) -> bool:
        if self._left <= 0:
            return False
        self._left -= 1
        fails = run(scenario).kind == self._kind
        if fails:
            self.best = scenario
        return fails


def _with_fewer_acts(scenario: Scenario) -> Iterator[Scenario]:
    for number in range(len(scenario.acts)):
        if acts := scenario.acts[:number] + scenario.acts[number + 1 :]:
            yield replace(scenario, acts=acts)


def _with_simpler_acts(scenario: Scenario) -> Iterator[Scenario]:
    plain: dict[str, Any] = {
        "rival": None,
        "is_unrecorded": False,
        "waits": 0.0,
        "computer": 0,
        "faults": {},
        "choice": 0,
    }
    for number, act in enumerate(scenario.acts):
        for name, value in plain.items():
            if getattr(act, name) != value:
                yield _with_act(scenario, number, replace(act, **{name: value}))
    if scenario.is_local:
        yield replace(scenario, is_local=False)


def _with_fewer_faults(scenario: Scenario) -> Iterator[Scenario]:
    for number, act in enumerate(scenario.acts):
        for faults in _fewer(act.faults):
            yield _with_act(scenario, number, replace(act, faults=faults))
        if act.rival:
            for faults in _fewer(act.rival.faults):
                rival = replace(act.rival, faults=faults)
                yield _with_act(scenario, number, replace(act, rival=rival))


def _fewer(faults: Faults) -> Iterator[Faults]:
    """Without the later half, without the earlier one, without an eighth, …, without one."""
    numbers = sorted(faults)
    size = len(numbers)
    while size > 1:
        size = -(-size // 2)
        for start in range(0, len(numbers), size):
            gone = {*numbers[start : start + size]}
            yield {number: one for number, one in faults.items() if number not in gone}
    if len(numbers) == 1:
        yield {}


def _with_simpler_specs(scenario: Scenario) -> Iterator[Scenario]:
    """In all acts at once: a difference between two of them may be what matters."""
    plain: dict[str, Any] = {
        "machines": 1,
        "regions": ("iad",),
        "steps": ("100%",),
        "phase": 1,
        "drain": "0s",
        "soak": "0s",
        "standby": "1h",
        "other": 0,
        "strategy": "bluegreen",
        "by": "machines",
        "fault": "",
        "key": 1,
        "greeting": 1,
        "code": 1,
    }
    for name, value in plain.items():
        acts = tuple(_changed(act, {name: value}) for act in scenario.acts)
        if acts != scenario.acts:
            yield replace(scenario, acts=acts)


def _changed(act: Act, changes: dict[str, Any]) -> Act:
    if {"strategy", "steps"} & changes.keys() and act.spec.by == "clients":
        changes = {**changes, "by": "machines"}
    rival = act.rival and replace(act.rival, spec=replace(act.rival.spec, **changes))
    return replace(act, spec=replace(act.spec, **changes), rival=rival)


def _with_act(scenario: Scenario, number: int, act: Act) -> Scenario:
    acts = [*scenario.acts]
    acts[number] = act
    return replace(scenario, acts=tuple(acts))


_PASSES: tuple[Callable[[Scenario], Iterator[Scenario]], ...] = (
    _with_fewer_acts,
    _with_simpler_acts,
    _with_fewer_faults,
    _with_simpler_specs,
)
