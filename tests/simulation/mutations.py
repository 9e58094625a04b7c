"""Mends of the engine, taken out again: what a simulation is worth shows by what it finds then."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any
from unittest import mock

from infra.ops import recovery, rollout
from infra.ops import release as release_op
from infra.redact import Redactor
from infra.rollout import engine, plan, strategies
from infra.rollout.lock import Lock
from infra.rollout.observe import State, observe
from infra.rollout.steps import Launch, ResetSecrets, SetSecrets, Turn
from infra.rollout.strategies import fleet, reinstate
from infra.rollout.target import Target
from infra.rollout.undisturbed import undisturbed
from tests.simulation.fault import Fault
from tests.simulation.scenario import Act, Scenario, drawn
from tests.simulation.spec import Spec

Mutation = Callable[[], AbstractContextManager[Any]]


def _values_are_not_reset() -> AbstractContextManager[Any]:
    async def nothing(step: ResetSecrets, world: Any) -> str:
        return "not done"

    return mock.patch.object(ResetSecrets, "apply", nothing)


def _values_are_not_taken_back() -> AbstractContextManager[Any]:
    async def nothing(step: SetSecrets, world: Any) -> None:
        return

    return mock.patch.object(SetSecrets, "undo", nothing)


def _lost_machines_are_not_found() -> AbstractContextManager[Any]:
    async def nothing(step: Launch, world: Any) -> None:
        return

    return mock.patch.object(Launch, "_lost", nothing)


def _way_back_in_another_order() -> AbstractContextManager[Any]:
    return mock.patch.object(engine, "Turn", list(reversed(Turn)))


def _nobody_looks_under_the_lock() -> AbstractContextManager[Any]:
    return mock.patch.object(rollout.Rollout, "aim", return_value=None)


def _what_serves_is_not_recorded() -> AbstractContextManager[Any]:
    async def as_it_is(ledger: Any, *rest: Any, **options: Any) -> Any:
        return ledger, ()

    return mock.patch.object(recovery, "reconciled", as_it_is)


def _values_of_a_machine_are_not_known() -> AbstractContextManager[Any]:
    well = fleet._is_well

    def as_before(machine: Any, target: Any, secrets: str) -> bool:
        return well(replace(machine, noted_secrets=""), target, secrets)

    return mock.patch.object(fleet, "_is_well", as_before)


def _edited_machines_serve_again() -> AbstractContextManager[Any]:
    wanted = reinstate._is_wanted

    def as_before(machine: Any, target: Target) -> bool:
        return wanted(replace(machine, noted_instance=""), target)

    return mock.patch.object(reinstate, "_is_wanted", as_before)


def _texts_are_shown_as_they_are() -> AbstractContextManager[Any]:
    return mock.patch.object(Redactor, "__call__", lambda self, text: text)


def _what_stands_is_not_ended() -> AbstractContextManager[Any]:
    return mock.patch.object(strategies, "is_settled", return_value=False)


def _former_machines_are_not_revived() -> AbstractContextManager[Any]:
    stages = plan.repair

    def without(state: State, target: Target, used: Iterable[Any] = ()) -> Any:
        return tuple(s for s in stages(state, target, tuple(used)) if s.name == "sweep")

    return mock.patch("infra.rollout.strategies.staged.repair", without)


def _nobody_holds_a_lock() -> AbstractContextManager[Any]:
    async def nothing(lock: Lock, machine_id: str, deadline: float) -> None:
        return

    return mock.patch.object(Lock, "_take", nothing)


def _a_release_may_fail_to_be_recorded() -> AbstractContextManager[Any]:
    roll_out = release_op._roll_out

    async def as_before(run: Any, *rest: Any) -> Any:
        ledger = await roll_out(run, *rest)
        await undisturbed(observe(run.world.fly, run.world.app))
        return ledger

    return mock.patch.object(release_op, "_roll_out", as_before)


MUTATIONS: dict[str, Mutation] = {
    one.__name__.lstrip("_").replace("_", " "): one
    for one in (
        _values_are_not_reset,
        _values_are_not_taken_back,
        _lost_machines_are_not_found,
        _way_back_in_another_order,
        _nobody_looks_under_the_lock,
        _what_serves_is_not_recorded,
        _values_of_a_machine_are_not_known,
        _edited_machines_serve_again,
        _texts_are_shown_as_they_are,
        _what_stands_is_not_ended,
        _former_machines_are_not_revived,
        _nobody_holds_a_lock,
        _a_release_may_fail_to_be_recorded,
    )
}

_FIRST = Spec(strategy="bluegreen")
_SECOND = replace(_FIRST, greeting=2)

# What finds it. Another generator of scenarios needs other seeds.
FOUND_BY: dict[str, Scenario] = {
    "values are not taken back": drawn(11),
    "texts are shown as they are": drawn(54),
    "way back in another order": drawn(113),
    # Fly is away when the release stands.
    "a release may fail to be recorded": Scenario(
        0, (Act("up", _FIRST), Act("up", _SECOND, {44: Fault("down", 30.0)}))
    ),
    "nobody holds a lock": drawn(3),
    "nobody looks under the lock": drawn(53),
    "edited machines serve again": Scenario(
        0,
        (
            Act("up", _FIRST),
            Act("up", _SECOND),
            Act("by hand", _SECOND, choice=4),
            Act("rollback", _SECOND),
        ),
    ),
    "former machines are not revived": Scenario(
        0,
        (
            Act("up", _FIRST),
            Act("by hand", _FIRST),
            Act("up", replace(_SECOND, key=2, fault="unwell")),
        ),
    ),
}
