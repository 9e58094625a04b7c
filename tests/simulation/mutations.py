"""Mends of the engine, taken out again: what a simulation is worth shows by what it finds then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any
from unittest import mock

from flygate.commands import decision, executed, recovery
from flygate.commands.decision import Decision
from flygate.commands.intent import Intent
from flygate.fly import client, retries
from flygate.fly.errors import FlyError
from flygate.fly.retries import create_once
from flygate.record import history, pinning
from flygate.record.ledger import Ledger
from flygate.redaction.redact import Redactor
from flygate.rollout import engine, plan, strategies
from flygate.rollout.errors import LeaseLostError
from flygate.rollout.lock.heartbeat import Heartbeat
from flygate.rollout.lock.lock import Lock
from flygate.rollout.machine.life import Uptimes
from flygate.rollout.restore import misled
from flygate.rollout.restore.standing import Standing
from flygate.rollout.state import State, observe
from flygate.rollout.steps import ResetSecrets, SetSecrets, Turn
from flygate.rollout.strategies import fleet, reinstate
from flygate.rollout.target import Target
from flygate.system.shielding import shielded

from tests.simulation.fault import Fault, Faults
from tests.simulation.scenario import Act, Rival, Scenario
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
    async def nothing(execution: Any, name: str) -> None:
        return

    return mock.patch("flygate.rollout.steps.creation._lost", nothing)


def _way_back_in_another_order() -> AbstractContextManager[Any]:
    class Backwards:
        """What the engine uses of `Turn`."""

        WITHDRAW = Turn.WITHDRAW

        def __iter__(self) -> Iterator[Turn]:
            return reversed(Turn)

    return mock.patch.object(engine, "Turn", Backwards())


def _no_look_is_taken_under_the_lock() -> AbstractContextManager[Any]:
    decide = Intent.decide
    first: dict[int, tuple[Intent, Decision]] = {}

    def as_before(intent: Intent, state: State, **options: Any) -> Decision:
        decision = decide(intent, state, **options)
        _, known = first.setdefault(id(intent), (intent, decision))
        return replace(decision, target=known.target)

    return mock.patch.object(Intent, "decide", as_before)


def _what_serves_is_not_recorded() -> AbstractContextManager[Any]:
    async def as_it_is(ledger: Any, *rest: Any, **options: Any) -> Any:
        return ledger, ()

    return mock.patch.object(recovery, "reconcile", as_it_is)


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

    return mock.patch("flygate.rollout.strategies.framed.repair", without)


def _no_lock_is_held() -> AbstractContextManager[Any]:
    async def nothing(lock: Lock, machine_id: str, deadline: float) -> None:
        return

    return mock.patch.object(Lock, "_take", nothing)


def _a_release_may_fail_to_be_recorded() -> AbstractContextManager[Any]:
    roll_out = executed._roll_out

    async def as_before(*given: Any) -> Any:
        executed = await roll_out(*given)
        world = given[3]
        await shielded(observe(world.fly, world.app))
        return executed

    return mock.patch.object(executed, "_roll_out", as_before)


def _what_500_answers_is_not_asked_again() -> AbstractContextManager[Any]:
    passing = retries.is_transient

    def as_before(error: Exception) -> bool:
        return getattr(error, "status", 0) != 500 and passing(error)

    return mock.patch.object(retries, "is_transient", as_before)


def _nothing_is_looked_for_before_it_is_made_again() -> AbstractContextManager[Any]:
    async def as_before(make: Any, find: Any) -> Any:
        async def nothing() -> None:
            return

        return await create_once(make, nothing)

    return mock.patch.object(client, "create_once", as_before)


def _a_lost_lease_stops_nothing() -> AbstractContextManager[Any]:
    async def nothing(heartbeat: Heartbeat) -> None:
        return

    return mock.patch.multiple(Heartbeat, _confirm=nothing, _lose=lambda *_: None)


def _a_beat_that_fails_is_the_last() -> AbstractContextManager[Any]:
    async def beat(heartbeat: Heartbeat, machine_id: str) -> None:
        try:
            await heartbeat._renew(machine_id)
        except (FlyError, LeaseLostError):
            await asyncio.Event().wait()

    return mock.patch.object(Heartbeat, "_beat", beat)


def _a_way_back_leads_to_the_last_other() -> AbstractContextManager[Any]:
    def as_before(past: Any) -> Any:
        return [entry for entry in past if entry.manifest != past[0].manifest]

    return mock.patch.object(history, "goods", as_before)


def _a_way_back_goes_further_each_time() -> AbstractContextManager[Any]:
    return mock.patch.object(Ledger, "is_back", False)


def _a_pin_holds_for_its_checkout_only() -> AbstractContextManager[Any]:
    return mock.patch.object(pinning, "holding", lambda asked, ledger, stack: asked)


def _a_way_back_passes_what_is_held() -> AbstractContextManager[Any]:
    return mock.patch.object(decision, "unfinished", return_value=None)


def _what_serves_is_withdrawn_whatever_else_does() -> AbstractContextManager[Any]:
    return mock.patch.object(Standing, "may_withdraw", True)


def _nothing_stands_in() -> AbstractContextManager[Any]:
    return mock.patch.object(plan, "standing_in", return_value=[])


def _the_end_is_not_looked_at() -> AbstractContextManager[Any]:
    return mock.patch.object(Standing, "is_as_before", True)


def _uptime_is_not_counted() -> AbstractContextManager[Any]:
    return mock.patch.object(Uptimes, "seconds", return_value=3600.0)


def _what_cannot_be_undone_is_interrupted() -> AbstractContextManager[Any]:
    async def as_it_is(job: Any) -> Any:
        return await job

    return mock.patch.object(engine, "shielded", as_it_is)


def _misled_machines_are_not_named() -> AbstractContextManager[Any]:
    return mock.patch.object(misled, "misled", return_value=())


MUTATIONS: dict[str, Mutation] = {
    one.__name__.lstrip("_").replace("_", " "): one
    for one in (
        _values_are_not_reset,
        _values_are_not_taken_back,
        _lost_machines_are_not_found,
        _way_back_in_another_order,
        _no_look_is_taken_under_the_lock,
        _what_serves_is_not_recorded,
        _values_of_a_machine_are_not_known,
        _edited_machines_serve_again,
        _texts_are_shown_as_they_are,
        _what_stands_is_not_ended,
        _former_machines_are_not_revived,
        _no_lock_is_held,
        _a_release_may_fail_to_be_recorded,
        _what_500_answers_is_not_asked_again,
        _nothing_is_looked_for_before_it_is_made_again,
        _a_lost_lease_stops_nothing,
        _a_beat_that_fails_is_the_last,
        _a_way_back_leads_to_the_last_other,
        _a_way_back_goes_further_each_time,
        _a_pin_holds_for_its_checkout_only,
        _a_way_back_passes_what_is_held,
        _what_serves_is_withdrawn_whatever_else_does,
        _nothing_stands_in,
        _the_end_is_not_looked_at,
        _uptime_is_not_counted,
        _what_cannot_be_undone_is_interrupted,
        _misled_machines_are_not_named,
    )
}

# Without a stop and start: the numbers of calls below say when.
_FIRST = Spec(strategy="bluegreen", restart=False)
_SECOND = replace(_FIRST, greeting=2)
_THIRD = replace(_FIRST, greeting=3)
_SECRET = replace(_FIRST, key=2)
_ROLLING = replace(_FIRST, machines=3, strategy="rolling", steps=(1, "100%"))
# Its gate can't decide; the next one starts once only.
_HELD = replace(_THIRD, soak="3s", fault="idle")
_FADING = replace(_FIRST, fault="once")


def _one(*acts: Act) -> Scenario:
    return Scenario(0, acts)


def _up(spec: Spec, faults: Faults | None = None, **options: Any) -> Act:
    return Act("up", spec, faults or {}, **options)


def _by_hand(choice: int) -> Act:
    return Act("by hand", _FIRST, choice=choice)


# What finds it. An engine that makes other calls needs other numbers of calls here.
FOUND_BY: dict[str, Scenario] = {
    "values are not reset": _one(
        _up(_ROLLING),
        _up(replace(_ROLLING, key=2), {38: Fault("crash-after")}),
        _up(replace(_ROLLING, key=3, fault="unwell")),
    ),
    "values are not taken back": _one(_up(_FIRST), _up(replace(_SECRET, fault="unwell"))),
    "lost machines are not found": _one(_up(_FIRST), _up(_SECOND, {16: Fault("interrupt")})),
    "way back in another order": _one(
        _up(replace(_ROLLING, machines=2)),
        _up(replace(_ROLLING, machines=2, key=2), {36: Fault("interrupt")}),
    ),
    "no look is taken under the lock": _one(
        _up(_FIRST), _up(_THIRD, waits=120.0, rival=Rival(_SECOND, 9, False))
    ),
    "what serves is not recorded": _one(
        _up(_FIRST), _up(_SECOND, is_unrecorded=True), _up(replace(_THIRD, fault="unwell"))
    ),
    "values of a machine are not known": _one(
        _up(_FIRST),
        _up(
            _SECRET,
            {
                24: Fault("interrupt"),
                27: Fault("kill", 1.0),
                28: Fault("slow", 2.0),
                30: Fault("crash"),
            },
        ),
        _up(_SECRET),
    ),
    "edited machines serve again": _one(
        _up(_FIRST), _up(_SECOND), _by_hand(4), Act("rollback", _SECOND)
    ),
    "texts are shown as they are": _one(_up(_FIRST), _up(replace(_SECOND, fault="unwell"))),
    "what stands is not ended": _one(
        _up(_FIRST), _up(_SECOND, is_unrecorded=True), _up(_SECOND, {28: Fault("interrupt")})
    ),
    "former machines are not revived": _one(
        _up(_FIRST), _by_hand(0), _up(replace(_SECOND, key=2, fault="unwell"))
    ),
    "no lock is held": _one(
        _up(_FIRST),
        _up(_THIRD, rival=Rival(replace(_SECOND, regions=("fra",), soak="3s"), 9, False)),
    ),
    "a release may fail to be recorded": _one(
        _up(_FIRST), _up(_SECOND, {34: Fault("down", 200.0)})
    ),
    "what 500 answers is not asked again": _one(_up(_FIRST), _up(_SECOND, {3: Fault("500")})),
    "nothing is looked for before it is made again": _one(
        _up(_FIRST), _up(_SECOND, {17: Fault("lost")})
    ),
    "a lost lease stops nothing": _one(
        _up(_FIRST),
        _up(_THIRD, waits=120.0, rival=Rival(_SECOND, 12, False, {14: Fault("sleep", 60.0)})),
    ),
    "a beat that fails is the last": _one(
        _up(_FIRST), _up(replace(_SECOND, soak="40s"), {21: Fault("slow", 20.0)})
    ),
    "a way back leads to the last other": _one(
        _up(_FIRST),
        _up(_SECOND),
        Act("rollback", _SECOND),
        Act("forward", _FIRST),
        Act("rollback", _FIRST),
    ),
    "a way back goes further each time": _one(
        _up(_FIRST), _up(_SECOND), _up(_THIRD), Act("rollback", _THIRD), Act("rollback", _THIRD)
    ),
    "a pin holds for its checkout only": _one(
        _up(_FIRST), _up(_SECOND), Act("rollback", _SECOND), _up(_THIRD, computer=1)
    ),
    "a way back passes what is held": _one(
        _up(_FIRST), _up(_SECOND), _up(_HELD), Act("rollback", _HELD)
    ),
    "what serves is withdrawn whatever else does": _one(
        _up(_FIRST), _up(_SECOND), _up(_HELD), _by_hand(7), Act("abort", _HELD)
    ),
    "nothing stands in": _one(_up(_FADING), _up(_HELD), _by_hand(0), _up(_SECOND)),
    "the end is not looked at": _one(_up(_FADING), _up(_HELD), _by_hand(0), Act("abort", _HELD)),
    "uptime is not counted": _one(_up(_FIRST), _up(replace(_SECOND, fault="dies:2"))),
    "what cannot be undone is interrupted": _one(
        _up(_FIRST), _up(_SECOND, {33: Fault("interrupt")})
    ),
    "misled machines are not named": _one(
        _up(_FIRST), _up(replace(_SECRET, fault="unwell"), {18: Fault("kill")})
    ),
}
