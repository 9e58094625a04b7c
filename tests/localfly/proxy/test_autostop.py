"""The documented rule of autostop, as a table and for every situation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from localfly.proxy.autostop import Autostop, Idle, Running, superfluous
from localfly.proxy.backend import Backend
from localfly.proxy.routing_table import RoutingTable

from tests.support.backends import backend


def region(*loads: int, soft: int = 2) -> list[Running]:
    return [Running(str(n), load, load >= soft, may_stop=True) for n, load in enumerate(loads)]


# Fly's text: with several machines, excess = number - (number over soft limit + 1), one is stopped
# if that is 1 or more; a single one is stopped if it has no traffic.
@pytest.mark.parametrize(
    ("loads", "kept", "stopped"),
    [
        ((), 0, None),
        ((0,), 0, "0"),
        ((1,), 0, None),
        ((0,), 1, None),
        ((0, 0), 0, "0"),
        ((1, 0), 0, "1"),
        ((1, 1), 0, "0"),
        ((2, 0), 0, None),
        ((2, 1, 0), 0, "2"),
        ((2, 2, 0), 0, None),
        ((2, 2, 2), 0, None),
        ((0, 0, 0), 2, "0"),
        ((0, 0, 0), 3, None),
    ],
)
def test_the_documented_rule(loads: tuple[int, ...], kept: int, stopped: str | None) -> None:
    """Soft limit 2; the least loaded machine goes."""
    found = superfluous(region(*loads), kept)
    assert (found and found.machine_id) == stopped


machines = st.lists(
    st.builds(
        Running,
        machine_id=st.uuids().map(str),
        load=st.integers(0, 3),
        is_at_soft_limit=st.booleans(),
        may_stop=st.booleans(),
    ),
    max_size=8,
)


@given(running=machines, kept=st.integers(0, 4))
def test_the_rule_for_every_region(running: list[Running], kept: int) -> None:
    """Never below the minimum, never the last one with traffic, never one that must stay; room for
    another request is left; and of those that may go the least loaded one.
    """
    found = superfluous(running, kept)
    if found is None:
        return
    assert found in running
    assert found.may_stop
    assert len(running) - 1 >= kept
    assert found.load == min(m.load for m in running if m.may_stop)
    if len(running) == 1:
        assert found.load == 0
    else:
        assert sum(not m.is_at_soft_limit for m in running) >= 2


@given(count=st.integers(1, 6), kept=st.integers(0, 6))
def test_idle_regions_come_to_rest(count: int, kept: int) -> None:
    """Look after look, idle machines stop down to the minimum and no further."""
    left = region(*[0] * count)
    while found := superfluous(left, kept):
        left.remove(found)
    assert len(left) == min(count, kept)


def look_at(*backends: Backend) -> list[Idle]:
    """What one look over these machines stops."""
    stopped: list[Idle] = []
    table = RoutingTable()
    for one in backends:
        table.admit(one)

    async def sleep(_: float) -> None:
        return None

    Autostop(table, stopped.append, sleep, 1).look()
    return stopped


def test_one_machine_per_region_and_look() -> None:
    """Regions and apps are judged apart; the config says what idleness does."""
    stopped = look_at(
        backend("a", region="iad", autostop="stop"),
        backend("b", region="iad", autostop="stop"),
        backend("c", region="fra", autostop="suspend"),
        backend("d", region="syd"),
        backend("e", region="iad", app="other", autostop="stop"),
    )
    assert stopped == [
        Idle("demo", "c", "fra", "suspend", 1),
        Idle("demo", "a", "iad", "stop", 2),
        Idle("other", "e", "iad", "stop", 1),
    ]


def test_the_minimum_counts_in_the_primary_region() -> None:
    """Elsewhere the last idle machine stops."""
    home, away = [
        backend(name, region=region, autostop="stop", least_running=1)
        for name, region in (("a", "iad"), ("b", "fra"))
    ]
    stopped = look_at(home, away)
    assert [idle.machine_id for idle in stopped] == ["b"]
