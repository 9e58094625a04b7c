"""The phase table, and what it costs."""

from __future__ import annotations

import itertools

import pytest
from flygate.config import prices
from flygate.config.phases import PHASES, Phase
from flygate_wire.cookies import AFFINITY

from tests.support.fly_tomls import config_of


def test_the_table_grows() -> None:
    """A higher phase never has less of anything that serves tenants."""
    rows = list(PHASES.values())

    assert [row.number for row in rows] == list(PHASES) == [1, 2, 3]
    for smaller, larger in itertools.pairwise(rows):
        assert smaller.machines < larger.machines
        assert smaller.minimum_running < larger.minimum_running
        assert smaller.cpus * smaller.memory_mb < larger.cpus * larger.memory_mb
        assert smaller.hard_limit <= larger.hard_limit


@pytest.mark.parametrize("row", PHASES.values(), ids=lambda row: row.name)
def test_a_row_is_consistent(row: Phase) -> None:
    """No row asks for what Fly or the proxy refuses."""
    assert row.minimum_running <= row.machines
    assert row.soft_limit < row.hard_limit
    assert row.memory_mb <= 2048 * row.cpus
    assert (row.storage == "redis") == (row.redis_plan is not None)
    assert row.autostop != "off" or row.minimum_running == row.machines
    assert row.range[0] <= row.machines <= (row.range[1] or row.machines)
    # In memory a client has one machine, which also hands its limits on when it stops.
    assert row.affinity == (row.storage == "memory")


@pytest.mark.parametrize("row", PHASES.values(), ids=lambda row: row.name)
def test_a_row_decides_size_limits_and_sleep_of_the_machines(row: Phase) -> None:
    """What the row says is what the machine config gets."""
    config = row.over(config_of({"http_service": {"internal_port": 8080}}))

    service = config["services"][0]
    assert config["guest"] == {
        "cpu_kind": "shared",
        "cpus": row.cpus,
        "memory_mb": row.memory_mb,
    }
    assert service["concurrency"]["soft_limit"] == row.soft_limit
    assert service["concurrency"]["hard_limit"] == row.hard_limit
    assert service["autostop"] == {"off": False, "suspend": "suspend"}[row.autostop]
    assert service["min_machines_running"] == row.minimum_running


@pytest.mark.parametrize("row", PHASES.values(), ids=lambda row: row.name)
def test_affinity_reaches_the_service_and_to_the_proxy(row: Phase) -> None:
    """The proxy remembers clients by the cookie that the service sets; a stack can turn it off."""
    config = row.over(config_of({"http_service": {"internal_port": 8080}}))

    caches = [port.get("http_options") for port in config["services"][0]["ports"]]
    rule = {"path_prefix": "/", "ttl_seconds": 300, "type": "cookie", "name": AFFINITY}
    assert config["env"]["RATE_LIMIT_AFFINITY"] == ("on" if row.affinity else "off")
    assert caches == [{"replay_cache": [rule]} if row.affinity else None] * 2


def test_idleness_never_frees_a_client() -> None:
    """A stopped machine would forget the limits; so a phase only ever suspends."""
    assert {row.autostop for row in PHASES.values()} <= {"off", "suspend"}


@pytest.mark.parametrize(
    ("cpus", "memory_mb", "dollars"),
    [(1, 256, 2.02), (1, 512, 3.27), (2, 512, 4.04), (1, 128, 2.02), (1, 1280, 7.02)],
)
def test_a_machine_costs_its_cpus_and_its_extra_memory(
    cpus: int, memory_mb: int, dollars: float
) -> None:
    """256 MB belong to each shared cpu; only what is above is charged."""
    assert prices.machine_month(cpus, memory_mb) == dollars


def test_the_cost_of_a_phase_counts_machines_regions_and_redis() -> None:
    """The estimate is of all machines of all regions, with Redis once."""
    assert PHASES[1].monthly_cost(regions=1) == 2.02
    assert PHASES[2].monthly_cost(regions=2) == pytest.approx(4 * 3.27)
    assert PHASES[3].monthly_cost(regions=1) == pytest.approx(6 * 4.04 + 10.0)
    assert PHASES[3].monthly_cost(1, read_regions=2) == pytest.approx(6 * 4.04 + 20.0)
    assert prices.redis_month(None) == 0
