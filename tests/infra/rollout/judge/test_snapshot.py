"""What machines tell: the service's own words are understood, and no others do harm."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flygate.rollout.judge.snapshot import Miss, Snapshot, read
from flygate_service.metrics.statistics import Statistics
from flygate_wire.statistics_schema import GROUPS, group_of

# As a release reported it before clients were counted.
FORMER: dict[str, Any] = {
    "schema": 1,
    "boot": "one",
    "served": 10,
    "errors": 1,
    "refused": 2,
    "limits": "a",
    "latency": {"first_ns": 16384, "per_octave": 16, "counts": [[100, 9]]},
    "memory": {"rss_bytes": 9_000_000, "limiter_bytes": 0, "limit_bytes": 256_000_000},
}
GROUP = {"served": 1, "errors": 0, "refused": 0, "latency": []}


def test_what_the_service_reports_is_understood() -> None:
    """By groups and by clients, and a client is in the group where the service counts it."""
    statistics = Statistics(key="k")
    before = read(0.0, statistics.snapshot())
    statistics.answered(500, 0, "192.0.2.1")
    statistics.answered(200, 0, "192.0.2.2")
    after = read(1.0, json.loads(json.dumps(statistics.snapshot())))

    assert isinstance(before, Snapshot)
    assert isinstance(after, Snapshot)
    counted = after.since(before)
    [client] = counted.clients or {}
    group = group_of(client, GROUPS)
    assert (counted.served, counted.errors, counted.parts[group].errors) == (2, 1, 1)
    assert counted.without(group).errors == 0


def test_a_former_release_is_understood() -> None:
    """It names no clients; its counters are as they were."""
    found = read(0.0, FORMER)

    assert isinstance(found, Snapshot)
    assert (found.errors, found.parts, found.clients) == (1, (), None)
    assert found.usage.keys() == {"memory"}
    assert found.without(3) == found


@pytest.mark.parametrize(
    "wrong",
    [
        {"served": 1e999},
        {"served": -1},
        {"served": 10**400},
        {"served": "10"},
        {"served": True},
        {"memory": None},
        {"descriptors": 7},
        {"descriptors": {"open": 9}},
        {"descriptors": {"open": 9, "connections": 0, "limit": 1e999}},
        {"latency": {"first_ns": 1, "per_octave": 16, "counts": [[1e999, 1]]}},
        {"latency": {"first_ns": "x", "per_octave": 16, "counts": []}},
        {"groups": [{}]},
        {"groups": 7},
        {"groups": [{**GROUP, "served": float("nan")}]},
        {"clients": ["192.0.2.1"]},
        {"clients": {"192.0.2.1": 1}},
        {"clients": {"": 1}},
        {"clients": {"0a00": 1e999}},
    ],
    ids=str,
)
def test_nonsense_is_a_miss(wrong: dict[str, Any]) -> None:
    """Whatever answers in a machine's place does not end the rollout with a traceback."""
    assert isinstance(read(0.0, {**FORMER, **wrong}), Miss)
