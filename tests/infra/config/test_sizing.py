"""What a stack may override of its phase, what is refused, and what it is warned of."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flygate import config
from flygate.config import sizing
from flygate.config.phases import PHASES, Phase
from flygate.system.errors import ConfigError


def row(**raw: Any) -> Phase:
    return config.load({"app": "shop", **raw}).row


def complaint(**raw: Any) -> str:
    with pytest.raises(ConfigError) as error:
        row(**raw)
    return str(error.value)


def warnings(regions: int = 1, **raw: Any) -> list[str]:
    return list(sizing.warnings(row(**raw), regions))


@pytest.mark.parametrize(
    ("key", "value", "field", "expected"),
    [
        ("machines", 3, "machines", 3),
        ("minimum_running", 1, "minimum_running", 1),
        ("guest", {"cpus": 2, "memory_mb": 1024}, "cpus", 2),
        ("guest", {"memory_mb": 512}, "memory_mb", 512),
        ("concurrency", {"soft": 20}, "soft_limit", 20),
        ("concurrency", {"hard": 300}, "hard_limit", 300),
        ("concurrency", {"type": "connections"}, "concurrency", "connections"),
        ("autostop", "stop", "autostop", "stop"),
        ("autostop", False, "autostop", "off"),
        ("affinity", False, "affinity", False),
        ("storage", "redis", "storage", "redis"),
    ],
)
def test_each_value_of_the_phase_can_be_overridden(
    key: str, value: Any, field: str, expected: Any
) -> None:
    """In YAML and on the command line; all else stays the phase's."""
    assert getattr(row(**{key: value}), field) == expected
    if not isinstance(value, str):
        assert getattr(row(**{key: json.dumps(value)}), field) == expected


def test_without_overrides_the_row_is_the_tables() -> None:
    """Nothing is added on the way."""
    for number, phase in PHASES.items():
        assert row(phase=number) == phase


def test_a_redis_has_a_plan_where_limits_are_kept_in_it() -> None:
    """The stack's, else the phase's, else the smallest; none where none is made."""
    assert row(phase=3).redis_plan == "fixed_250mb"
    assert row(phase=3, redis={"plan": "fixed_1gb"}).redis_plan == "fixed_1gb"
    assert row(phase=2, storage="redis").redis_plan == "fixed_250mb"
    assert row(phase=3, storage="memory").redis_plan is None
    assert row(phase=3, redis={"url": "redis://host"}).redis_plan is None


def test_limits_in_memory_have_affinity_unless_it_is_turned_off() -> None:
    """Whichever phase it was; with Redis it is off unless it is turned on."""
    assert row(phase=3, storage="memory").affinity
    assert row(phase=3, affinity=True).affinity
    assert not row(phase=2, storage="redis").affinity


def test_fewer_machines_than_the_phase_keeps_awake_are_all_awake() -> None:
    """The number of machines alone can be lowered."""
    assert row(phase=3, machines=4).minimum_running == 4


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"concurrency": {"soft": 200}}, "concurrency.soft is 200; it must be below"),
        ({"concurrency": {"hard": 20}}, "concurrency.hard, which is 20"),
        ({"concurrency": {"soft": 0}}, "must be at least 1"),
        ({"minimum_running": 2}, "minimum_running is 2; it must not be more than the machines"),
        ({"guest": {"cpus": 3}}, "guest.cpus is 3; Fly has 1, 2, 4, 6 or 8 shared CPUs"),
        ({"guest": {"memory_mb": 300}}, "takes 256 to 2048 MB in steps of 256"),
        ({"guest": {"memory_mb": 4096}}, "takes 256 to 2048 MB"),
        ({"guest": {"cpus": 2}}, "with 2 shared CPUs Fly takes 512 to 4096 MB"),
        ({"guest": {"cpu_kind": "performance"}}, "with 1 performance CPUs Fly takes 2048"),
        ({"autostop": "sleep"}, "flygate:autostop is"),
        ({"storage": "disk"}, "flygate:storage is"),
        ({"regions": ["iat"]}, "Did you mean iad"),
        ({"redis": {"plan": "big"}}, "flygate:redis.plan is"),
        ({"redis": {"regions": ["moon"]}}, "flygate:redis.regions is"),
        ({"redis": {"name": "My Redis"}}, "flygate:redis.name is"),
        ({"redis": {"plna": "x"}}, "flygate:redis.plna is no key"),
    ],
)
def test_what_can_not_work_is_refused(raw: dict[str, Any], expected: str) -> None:
    """Before anything is made, with the key and what would do."""
    assert expected in complaint(**raw)


@pytest.mark.parametrize("number", PHASES)
def test_a_phase_as_it_is_warns_of_nothing(number: int) -> None:
    """In one region; what is warned of is the user's own choice."""
    assert warnings(phase=number) == []


@pytest.mark.parametrize(
    ("regions", "raw", "expected"),
    [
        (1, {"machines": 4}, "phase 1 (MVP) is meant for 1 to 3 machines in all, and this stack"),
        (3, {"phase": 2}, "meant for at most 2 regions"),
        (1, {"phase": 3, "machines": 2}, "meant for 6 or more machines"),
        (1, {"phase": 2, "affinity": False}, "its limit from each of 2 machines"),
        (1, {"autostop": "stop"}, "forgets its limits; suspend keeps them"),
        (1, {"guest": {"cpus": 2, "memory_mb": 4096}}, "suspends no machine of more than 2048 MB"),
    ],
)
def test_what_works_but_surprises_is_warned_of(
    regions: int, raw: dict[str, Any], expected: str
) -> None:
    """It is allowed: an operator may know better."""
    assert any(expected in line for line in warnings(regions, **raw))


def test_a_single_machine_needs_no_affinity() -> None:
    """There is no other machine to prefer."""
    assert warnings(affinity=False) == []
