"""Faults on demand: what each does to a client, to a machine, and to the clock."""

import asyncio
import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from localfly.daemon.options import Options
from localfly.errors import InvalidArgumentError
from localfly.faults.active_faults import ActiveFaults
from localfly.faults.chaos import Chaos
from localfly.faults.fault import ACTIONS, Fault, Kind

from tests.support.localfly import Json, Machines, local_machines

SEED = 7


@pytest.mark.parametrize(
    ("action", "method", "path", "fits"),
    [
        ("create_machine", "POST", "/v1/apps/demo/machines", True),
        ("create_machine", "GET", "/v1/apps/demo/machines", False),
        ("create_machine", "POST", "/v1/apps/demo/machines/1", False),
        ("update_machine", "POST", "/v1/apps/demo/machines/1", True),
        ("update_machine", "POST", "/v1/apps/demo/machines/1/stop", False),
        ("stop", "POST", "/v1/apps/demo/machines/1/stop", True),
        ("metadata", "POST", "/v1/apps/demo/machines/1/metadata/key", True),
        ("graphql", "POST", "/graphql", True),
        ("anything", "DELETE", "/v1/apps/demo", True),
        ("* /v1/apps/*", "DELETE", "/v1/apps/demo", True),
        ("* /v1/apps/*", "DELETE", "/v1/apps/demo/machines", False),
        ("GET /v1/**", "GET", "/v1/apps/demo/machines/1", True),
        ("GET /v1.*", "GET", "/v1xx", False),
    ],
)
def test_which_requests_a_fault_hits(action: str, method: str, path: str, fits: bool) -> None:
    """By a name, or by method and path."""
    assert Fault(action, Kind.FAIL).fits(method, path) is fits


@pytest.mark.parametrize("action", ["", "create", "POST", "post /v1", "POST v1"])
def test_unknown_actions_are_refused(action: str) -> None:
    """The text lists what there is."""
    with pytest.raises(InvalidArgumentError, match="create_machine"):
        Fault(action, Kind.FAIL)


@given(
    asked=st.lists(
        st.tuples(st.sampled_from(sorted(ACTIONS)), st.none() | st.integers(1, 3)), max_size=4
    ),
    requests=st.lists(st.sampled_from(["/graphql", "/v1/apps", "/x"]), max_size=12),
)
def test_faults_are_counted(asked: list[tuple[str, int | None]], requests: list[str]) -> None:
    """Each request meets the first fault that fits and is not spent; none hits more than asked."""
    faults = ActiveFaults(Random(SEED))
    made = [faults.add(Fault(action, Kind.FAIL, count=count)) for action, count in asked]
    for path in requests:
        expected = next((f for f in made if f.fits("POST", path) and not f.is_spent), None)
        assert faults.hit("POST", path) is expected
    assert all(f.count is None or f.hits <= f.count for f in made)
    assert sum(f.hits for f in made) <= len(requests)


def test_a_probability_is_one() -> None:
    """About its share of requests is hit."""
    faults = ActiveFaults(Random(SEED))
    fault = faults.add(Fault("anything", Kind.FAIL, probability=0.3))
    for _ in range(1000):
        faults.hit("GET", "/")
    assert 250 < fault.hits < 350


def test_chaos_can_be_repeated() -> None:
    """The same seed hits the same requests with the same faults; another one hits others."""
    first, again, other = (
        [(fault.kind, fault.status, fault.retry_after) if fault else None for fault in hit]
        for hit in ([chaos.hit() for _ in range(200)] for chaos in map(_half, (1, 1, 2)))
    )
    assert first == again
    assert first != other


def _half(seed: int) -> Chaos:
    return Chaos(0.5, seed)


def test_chaos_has_its_share_and_all_kinds() -> None:
    """Refusals of three sorts, some of which say when to come again; lost, cut and slow ones."""
    chaos = Chaos(0.2, SEED)
    met = [fault for fault in (chaos.hit() for _ in range(2000)) if fault]
    assert 340 < len(met) == chaos.hits < 460
    assert {fault.kind for fault in met} == set(Kind)
    refused = [fault for fault in met if fault.kind is Kind.FAIL]
    assert {fault.status for fault in refused} == {500, 503, 429}
    assert {fault.retry_after for fault in refused if fault.status == 429} == {None, 1, 2}
    assert all(1 <= fault.seconds <= 3 for fault in met if fault.kind is Kind.SLOW)


def test_chaos_comes_after_the_faults_that_were_asked_for() -> None:
    """And ends with them."""
    faults = ActiveFaults(Random(SEED))
    faults.chaos = Chaos(1.0, SEED)
    asked = faults.add(Fault("graphql", Kind.FAIL))
    assert faults.hit("POST", "/graphql") is asked
    assert faults.hit("GET", "/v1/apps") is not None
    faults.clear()
    assert faults.hit("GET", "/v1/apps") is None


@pytest.fixture
async def faulty(tmp_path: Path) -> AsyncIterator[Machines]:
    async with local_machines(tmp_path / "state", Options(has_faults=True)) as made:
        yield made


async def ask_for(machines: Machines, **fault: Any) -> Json:
    answer = await machines.api.post("/_faults", json=fault)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


async def hurt(machines: Machines, machine_id: str, action: str, **more: Any) -> None:
    answer = await machines.api.post(
        f"/_faults/machines/{machine_id}", json={"action": action, **more}
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.integration
async def test_they_are_off_unless_asked_for(machines: Machines) -> None:
    """Without --faults there is nothing to ask."""
    answer = await machines.api.post("/_faults", json={"action": "anything", "kind": "fail"})
    assert answer.status_code == 404


@pytest.mark.integration
async def test_faults_of_the_api(faulty: Machines) -> None:
    """Each kind as a client meets it, and whether the request was executed nevertheless."""
    refusal = {"kind": "fail", "status": 503, "error": "e", "retry_after": 2}
    await ask_for(faulty, action="create_machine", count=1, **refusal)
    answer = await faulty.api.post(faulty.base, json={"config": faulty.config()})
    assert (answer.status_code, answer.json()["error"]) == (503, "e")
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["fly-request-id"]

    await ask_for(faulty, action="create_machine", kind="drop", count=1)
    with pytest.raises(httpx.TransportError):
        await faulty.api.post(faulty.base, json={"config": faulty.config()})
    assert (await faulty.api.get(faulty.base)).json() == []

    await ask_for(faulty, action="create_machine", kind="lose", count=1)
    with pytest.raises(httpx.TransportError):
        await faulty.api.post(faulty.base, json={"config": faulty.config(), "name": "lost"})
    (found,) = (await faulty.api.get(faulty.base)).json()
    assert found["name"] == "lost"

    slow = await ask_for(faulty, action="list_machines", kind="slow", seconds=0.3, count=1)
    began = asyncio.get_running_loop().time()
    assert (await faulty.api.get(faulty.base)).status_code == 200
    assert asyncio.get_running_loop().time() - began >= 0.3

    shown = (await faulty.api.get("/_faults")).json()
    assert [fault["hits"] for fault in shown["faults"]] == [1, 1, 1, 1]
    assert (await faulty.api.delete(f"/_faults/{slow['id']}")).status_code == 204
    assert (await faulty.api.delete(f"/_faults/{slow['id']}")).status_code == 404


@pytest.mark.integration
async def test_even_if_everything_fails_the_faults_can_be_ended(faulty: Machines) -> None:
    """`/_faults` itself is never hit."""
    await ask_for(faulty, action="anything", kind="drop")
    chaos = await faulty.api.post("/_faults/chaos", json={"share": 1, "seed": SEED})
    assert chaos.status_code == 201
    with pytest.raises(httpx.TransportError):
        await faulty.api.get("/v1/apps")
    assert (await faulty.api.delete("/_faults")).status_code == 204
    assert (await faulty.api.get("/v1/apps?org_slug=personal")).status_code == 200


@pytest.mark.integration
@pytest.mark.parametrize(
    "wrong",
    [
        {"action": "anything"},
        {"action": "anything", "kind": "explode"},
        {"action": "anything", "kind": "fail", "probability": 2},
        {"action": "nothing", "kind": "fail"},
        {"action": "anything", "kind": "fail", "typo": 1},
    ],
)
async def test_wrong_faults_are_refused(faulty: Machines, wrong: Json) -> None:
    """With a text that says what was wrong."""
    answer = await faulty.api.post("/_faults", json=wrong)
    assert answer.status_code == 400
    assert "invalid_argument" in answer.json()["error"]


@pytest.mark.integration
async def test_a_killed_machine_crashes_and_is_restarted(faulty: Machines) -> None:
    """As its restart policy says; the exit event says that no request caused it."""
    machine = await faulty.serving()
    await hurt(faulty, machine["id"], "kill")
    found = await faulty.until(
        machine["id"], lambda m: any(e["type"] == "exit" for e in m["events"])
    )
    (exit_event,) = [e for e in found["events"] if e["type"] == "exit"]
    assert exit_event["request"]["exit_event"]["requested_stop"] is False
    await faulty.healthy(machine["id"])


@pytest.mark.integration
async def test_a_frozen_machine_fails_its_checks_until_it_is_healed(faulty: Machines) -> None:
    """Fly takes it for started; the proxy stops sending requests once the check says so."""
    config = faulty.config()
    config["services"][0]["checks"][0] |= {"interval": "200ms", "timeout": "300ms"}
    machine = await faulty.serving(config=config)
    await hurt(faulty, machine["id"], "freeze")
    found = await faulty.until(machine["id"], lambda m: m["checks"][0]["status"] == "critical")
    assert found["state"] == "started"
    assert (await faulty.ask()).status_code == 503
    await hurt(faulty, machine["id"], "heal")
    await faulty.healthy(machine["id"])
    assert (await faulty.ask()).text == machine["id"]


@pytest.mark.integration
async def test_a_starved_machine_still_answers_late(faulty: Machines) -> None:
    """It gets a share of the time: requests take longer, but none is lost."""
    machine = await faulty.serving()
    await hurt(faulty, machine["id"], "starve", share=0.05)
    loop, times = asyncio.get_running_loop(), []
    for _ in range(10):
        began = loop.time()
        assert (await faulty.ask()).text == machine["id"]
        times.append(loop.time() - began)
    assert max(times) > 0.05
    await hurt(faulty, machine["id"], "heal")
    assert (await faulty.ask()).text == machine["id"]


@pytest.mark.integration
async def test_a_machine_that_is_down_can_not_be_hurt(faulty: Machines) -> None:
    """Nor one that does not exist."""
    machine = await faulty.create(skip_launch=True)
    for identifier, status in ((machine["id"], 412), ("00000000000000", 404)):
        answer = await faulty.api.post(f"/_faults/machines/{identifier}", json={"action": "freeze"})
        assert answer.status_code == status


@pytest.mark.integration
async def test_partition_is_shown_and_healed(faulty: Machines) -> None:
    """The machine stays in its partition until it is healed (what the DNS does: test_dns)."""
    machine = await faulty.serving()
    await hurt(faulty, machine["id"], "partition")
    assert (await faulty.api.get("/_faults")).json()["partitioned"] == [machine["id"]]
    await faulty.api.delete("/_faults")
    assert (await faulty.api.get("/_faults")).json()["partitioned"] == []


@pytest.mark.integration
async def test_an_advanced_clock_is_in_every_answer(faulty: Machines) -> None:
    """As on Fly, in the header Date."""
    await faulty.api.post("/_faults/clock", json={"advance_seconds": 3600})
    shown = parsedate_to_datetime((await faulty.api.get("/v1/platform/regions")).headers["date"])
    assert 3590 < shown.timestamp() - time.time() < 3610


@pytest.mark.integration
async def test_an_advanced_clock_ends_leases(faulty: Machines) -> None:
    """What lasts minutes is over at once."""
    machine = await faulty.create(skip_launch=True)
    lease = f"{faulty.base}/{machine['id']}/lease"
    assert (await faulty.api.post(f"{lease}?ttl=300")).status_code == 201
    assert (await faulty.api.get(lease)).status_code == 200
    moved = await faulty.api.post("/_faults/clock", json={"advance_seconds": 301})
    assert moved.json() == {"ahead_seconds": 301}
    assert (await faulty.api.get(lease)).status_code == 404
