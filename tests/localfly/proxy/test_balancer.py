"""Which machine gets a request: Fly's documented tables, and the rules for every situation."""

import asyncio
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from localfly.network.geography import is_meant, round_trip_ms
from localfly.network.regions import REGIONS
from localfly.proxy.autostart import Autostart, Sleeper, nearest
from localfly.proxy.backend import Backend
from localfly.proxy.balancer import Refusal, choose
from localfly.proxy.selector import ANY, Selector, selector_of

from tests.support.backends import USUAL, backend

RANDOM = Random(7)
CODES = [region.code for region in REGIONS]


def crowd(*loads: tuple[str, str, int]) -> list[Backend]:
    """Machines by name, region and load, with the limits 20 and 25 of Fly's example."""
    return [
        backend(name, load, region=region, soft_limit=20, hard_limit=25)
        for name, region, load in loads
    ]


# The table and the example of Fly's page on load balancing.
@pytest.mark.parametrize(
    ("machines", "chosen"),
    [
        pytest.param(
            [("a", "ams", 25), ("b", "ams", 24)], {"b"}, id="at hard_limit: no new traffic"
        ),
        pytest.param(
            [("a", "ams", 20), ("b", "ams", 19)],
            {"b"},
            id="at or above soft_limit: only if all others are",
        ),
        pytest.param(
            [("a", "ams", 19), ("b", "ams", 3)], {"a", "b"}, id="below soft_limit: equal, random"
        ),
        pytest.param(
            [("a", "ams", 20), ("b", "ams", 24), ("c", "bom", 0)],
            {"a", "b"},
            id="soft limits do not shift traffic to other regions",
        ),
        pytest.param(
            [("a", "ams", 25), ("b", "bom", 0), ("c", "sin", 0)],
            {"b"},
            id="all local ones at hard_limit: the closest other region",
        ),
        pytest.param([("b", "sin", 0), ("c", "bom", 0)], {"c"}, id="none here: the closest region"),
    ],
)
def test_the_documented_load_balancing(
    machines: list[tuple[str, str, int]], chosen: set[str]
) -> None:
    """Client in Amsterdam, soft limit 20, hard limit 25."""
    found = {choose(crowd(*machines), ANY, (), "ams", RANDOM) for _ in range(40)}
    assert {one.machine_id for one in found if isinstance(one, Backend)} == chosen


@pytest.mark.parametrize(
    ("headers", "chosen"),
    [
        ({b"fly-prefer-region": b"sin"}, "sin"),
        ({b"fly-prefer-region": b"syd,bom"}, "bom"),
        ({b"fly-prefer-region": b"syd"}, "ams"),
        ({b"fly-prefer-region": b"apac"}, "bom"),
        ({b"fly-force-region": b"sin"}, "sin"),
        ({b"fly-force-region": b"syd, eu"}, "ams"),
        ({b"fly-force-region": b"syd,any"}, "ams"),
        ({b"fly-force-region": b"us"}, Refusal.NONE_HEALTHY),
        ({b"fly-force-instance-id": b"m-sin"}, "sin"),
        ({b"fly-force-instance-id": b"m-syd"}, Refusal.NONE_HEALTHY),
        ({b"fly-prefer-instance-id": b"m-bom"}, "bom"),
        ({b"fly-prefer-instance-id": b"m-syd"}, "ams"),
        ({b"fly-prefer-instance-id": b"m-bom", b"fly-force-region": b"sin"}, "sin"),
        ({b"fly-client-ip": b"6.6.6.6"}, "ams"),
    ],
)
def test_the_documented_routing_headers(headers: dict[bytes, bytes], chosen: str | Refusal) -> None:
    """One machine each in Amsterdam (where the client is), Mumbai and Singapore."""
    machines = crowd(("m-ams", "ams", 0), ("m-bom", "bom", 0), ("m-sin", "sin", 0))
    found = choose(machines, selector_of(headers), (), "ams", RANDOM)
    assert (found.region if isinstance(found, Backend) else found) == chosen


names = st.integers(0, 5).map(str)
regions = st.sampled_from(["iad", "ewr", "fra", "syd"])
selectors = st.builds(
    Selector,
    force=names | st.just(""),
    prefer=names | st.just(""),
    avoid=names | st.just(""),
    regions=st.lists(st.sampled_from(["iad", "fra", "eu", "us", "any", "gru"]), max_size=2).map(
        tuple
    ),
    is_bound_to_regions=st.booleans(),
)


@given(
    places=st.lists(st.tuples(regions, st.integers(0, 5)), max_size=6),
    tried=st.sets(names),
    selector=selectors,
    here=regions,
)
def test_the_balancers_rules(
    places: list[tuple[str, int]], tried: set[str], selector: Selector, here: str
) -> None:
    """Never a full, tried or unwanted machine; the region liked best and closest that has an open
    one; in it a relaxed one before a busy one; the preferred one before all.
    """
    backends = [
        backend(str(number), load, region=region, soft_limit=2, hard_limit=4)
        for number, (region, load) in enumerate(places)
    ]
    excluded = [one for one in backends if one.machine_id in tried]
    chosen = choose(backends, selector, excluded, here, RANDOM)
    allowed = [b for b in backends if selector.admits(b.machine_id, b.region, here)]
    untried = [b for b in allowed if b not in excluded]
    open_ones = [b for b in untried if b.in_flight < 4]
    if isinstance(chosen, Refusal):
        assert not open_ones
        expected = Refusal.ALL_FULL if untried else Refusal.ALL_TRIED
        assert chosen is (expected if allowed else Refusal.NONE_HEALTHY)
        return
    assert chosen in open_ones
    assert selector.force in {"", chosen.machine_id}
    assert chosen.machine_id != selector.avoid
    if any(b.machine_id == selector.prefer for b in open_ones):
        assert chosen.machine_id == selector.prefer
        return
    rank = selector.rank(chosen.region, here)
    assert rank == min(found for b in open_ones if (found := selector.rank(b.region, here)))
    local = [b for b in open_ones if selector.rank(b.region, here) == rank]
    if any(not b.is_busy for b in local):
        assert not chosen.is_busy


def test_no_hard_limit_is_never_full() -> None:
    """An unset hard limit means unlimited, as on Fly."""
    busy = backend("a", 10_000)
    assert choose([busy], ANY, [], "iad", RANDOM) is busy


@given(one=st.sampled_from(CODES), other=st.sampled_from(CODES))
def test_round_trips(one: str, other: str) -> None:
    """Symmetric, least within a region, and never longer than twice half the Earth."""
    there = round_trip_ms(one, other)
    assert there == round_trip_ms(other, one)
    assert (there == 1) if one == other else 1 < there < 350


def test_the_closest_regions_are_those_on_a_map() -> None:
    """A few well-known distances."""
    by_distance = sorted(CODES, key=lambda code: round_trip_ms("iad", code))
    assert by_distance[:2] == ["iad", "ewr"]
    assert round_trip_ms("lhr", "cdg") < round_trip_ms("lhr", "fra") < round_trip_ms("lhr", "iad")
    assert round_trip_ms("iad", "nowhere") > 350


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("apac", {"bom", "nrt", "sin", "syd"}),
        ("eu", {"ams", "arn", "cdg", "fra", "lhr"}),
        ("sa", {"gru"}),
        ("us", {"dfw", "ewr", "iad", "lax", "ord", "sjc"}),
        ("usa", {"dfw", "ewr", "iad", "lax", "ord", "sjc"}),
        ("na", {"dfw", "ewr", "iad", "lax", "ord", "sjc", "yyz"}),
        ("any", set(CODES)),
        ("fra", {"fra"}),
        ("mars", set()),
    ],
)
def test_areas(name: str, meant: set[str]) -> None:
    """Fly's geographic aliases."""
    assert {code for code in CODES if is_meant(code, name)} == meant


@given(
    places=st.lists(regions, max_size=6), excluded=st.sets(names), selector=selectors, here=regions
)
def test_the_machine_that_is_woken(
    places: list[str], excluded: set[str], selector: Selector, here: str
) -> None:
    """The closest sleeper that the request may go to and that was not woken for it before without
    success.
    """
    sleepers = [Sleeper(str(number), "demo", region) for number, region in enumerate(places)]
    allowed = [
        s
        for s in sleepers
        if selector.admits(s.machine_id, s.region, here) and s.machine_id not in excluded
    ]
    found = nearest(sleepers, selector, here, excluded)
    if found is None:
        assert not allowed
        return
    assert found in allowed
    ranks = [rank for s in allowed if (rank := selector.rank(s.region, here)) is not None]
    assert selector.rank(found.region, here) == min(ranks)


class Asleep:
    """The part of a machine that `Sleepers` looks at."""

    def __init__(self, state: str) -> None:
        self.id, self.app, self.region, self.cordoned = "a", "demo", "iad", False
        self.state = state
        self.config = SimpleNamespace(http_service=USUAL)


async def test_no_request_waits_for_ever_for_a_machine_that_was_woken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is given some time; then it is taken for one that does not serve."""
    monkeypatch.setattr("localfly.proxy.autostart.PATIENCE_SECONDS", 0.05)
    autostart, changes = Autostart(), asyncio.Queue[str]()
    machine: Any = Asleep("stopped")
    autostart.changed(machine, is_routed=False)

    def start(*_: str) -> None:
        machine.state = "started"
        autostart.changed(machine, is_routed=False)

    autostart.start_with(start)
    autostart.subscribe(changes.put_nowait)
    assert autostart.wake("demo", ANY, "iad", ()) == Sleeper("a", "demo", "iad")
    assert autostart.is_waking("demo", ANY, "iad")
    assert await asyncio.wait_for(changes.get(), 5) == "demo"
    assert not autostart.is_waking("demo", ANY, "iad")
    assert autostart.wake("demo", ANY, "iad", ()) is None
