"""What a machine's events say of its life."""

from __future__ import annotations

from typing import Any

import pytest
from flygate.fly.models import Machine
from flygate.rollout.machine import life
from flygate.rollout.machine.life import Uptimes


def exited(code: int, at: int = 0, *, asked: bool = False) -> dict[str, Any]:
    """The end of a service."""
    event = {"exit_code": code, "requested_stop": asked}
    return {"type": "exit", "timestamp": at, "request": {"exit_event": event}}


def started(at: int) -> dict[str, Any]:
    """A start."""
    return {"type": "start", "status": "started", "timestamp": at}


def machine(*events: dict[str, Any], state: str = "started") -> Machine:
    """One with events, the newest first."""
    return Machine.model_validate({"id": "m1", "state": state, "events": list(events)})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What time it is here; Fly's clock is another one."""
    now = [1000.0]
    monkeypatch.setattr("flygate.rollout.machine.life.time.monotonic", lambda: now[0])
    return now


def test_uptime_begins_anew_with_each_start(clock: list[float]) -> None:
    """Also if it was up at each look: its newest start is another one."""
    uptimes = Uptimes()
    assert uptimes.seconds(machine(started(5))) == 0.0
    clock[0] += 8
    assert uptimes.seconds(machine(started(5))) == 8.0
    clock[0] += 1
    assert uptimes.seconds(machine(started(9), exited(1, 8), started(5))) == 0.0


def test_a_machine_that_is_not_up_has_no_uptime(clock: list[float]) -> None:
    """Nor has it any from before, when it is up again."""
    uptimes = Uptimes()
    uptimes.seconds(machine(started(5)))
    clock[0] += 8
    assert uptimes.seconds(machine(started(5), state="restarting")) == 0.0
    assert uptimes.seconds(machine(started(5))) == 0.0


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (machine(started(1)), ""),
        (machine(started(3), exited(3, 2), started(1)), ""),
        (machine(exited(9, 4), started(3), exited(3, 2)), "crashed 2 times, exit code 9"),
        (machine(exited(9, 4, asked=True), started(3), exited(3, 2)), ""),
        (machine(exited(0, 2), state="stopped"), "the machine is stopped, exit code 0"),
        (machine(state="failed"), "the machine is failed"),
    ],
)
def test_a_death_is_reported_with_the_last_exit_code(found: Machine, text: str) -> None:
    """One crash may be bad luck; an end after a stop is none."""
    assert life.death(found).endswith(text)
    assert bool(life.death(found)) == bool(text)


IDLE = {"config": {"services": [{"autostop": "stop", "autostart": True}]}}


@pytest.mark.parametrize(
    ("state", "config", "events", "expected"),
    [
        ("suspended", {}, [], True),
        ("stopped", IDLE, [exited(0, asked=True)], True),
        ("stopped", IDLE, [exited(1)], False),  # it crashed
        ("stopped", IDLE, [exited(1), exited(0, asked=True)], False),  # since it slept
        ("stopped", {}, [exited(0, asked=True)], False),  # nothing would wake it
        ("started", IDLE, [], False),
    ],
)
def test_a_machine_that_sleeps_is_not_dead(
    state: str, config: dict[str, Any], events: list[dict[str, Any]], expected: bool
) -> None:
    """The proxy put it to sleep, and nothing else ended it."""
    seen = Machine.model_validate({"id": "m1", "state": state, "events": events, **config})

    assert life.sleeps(seen) is expected
    if state == "stopped":
        assert bool(life.death(seen)) is not expected
