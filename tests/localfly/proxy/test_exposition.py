"""The series that Fly publishes of each app, counted by the real proxy."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.localfly import Machines

pytestmark = pytest.mark.integration

Labels = dict[str, str]


async def scrape(machines: Machines) -> dict[str, list[tuple[Labels, float]]]:
    """Each sample by its name; read by an independent parser."""
    answer = await machines.api.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found: dict[str, list[tuple[Labels, float]]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            # The parser adds the ending that counters have by now; Fly's series have it not.
            found.setdefault(sample.name.removesuffix("_total"), []).append(
                (sample.labels, sample.value)
            )
    return found


def value(samples: list[tuple[Labels, float]], **labels: str) -> float:
    """The only sample with these labels."""
    (found,) = [number for named, number in samples if labels.items() <= named.items()]
    return found


async def test_answers_are_counted_per_instance_and_per_edge(machines: Machines) -> None:
    """By status, with their times; each machine for itself, and the app as its clients see it."""
    one = await machines.serving(region="iad")
    two = await machines.serving(region="fra")
    for _ in range(3):
        await machines.ask(fly_force_instance_id=one["id"])
    await machines.ask("/slow?0.3", fly_force_instance_id=two["id"])
    await machines.ask(fly_force_instance_id="00000000000000")
    await machines.ask("/", host="unknown.localhost")
    found = await scrape(machines)
    counts = found["fly_app_http_responses_count"]
    assert value(counts, app="demo", instance=one["id"], region="iad", status="200") == 3
    assert value(counts, app="demo", instance=two["id"], region="fra", status="200") == 1
    edges = found["fly_edge_http_responses_count"]
    assert value(edges, app="demo", region="iad", status="200") == 4
    assert value(edges, app="demo", region="iad", status="503") == 1
    assert {labels["app"] for labels, _ in edges} == {"demo"}
    times = found["fly_app_http_response_time_seconds_bucket"]
    assert value(times, instance=two["id"], status="200", le="0.25") == 0
    assert value(times, instance=two["id"], status="200", le="+Inf") == 1
    assert value(found["fly_app_http_response_time_seconds_sum"], instance=two["id"]) >= 0.3
    assert all(labels["host"] for labels, _ in counts)


async def test_machines_that_are_down_are_not_up(machines: Machines) -> None:
    """`fly_instance_up` follows the state; a destroyed machine has no series any more."""
    up, down = await machines.serving(), await machines.serving()
    await machines.post(down["id"], "stop")
    await machines.wait(down["id"], "stopped")
    found = await scrape(machines)
    assert value(found["fly_instance_up"], instance=up["id"]) == 1
    assert value(found["fly_instance_up"], instance=down["id"]) == 0
    assert value(found["fly_app_concurrency"], instance=up["id"]) == 0
    await machines.api.delete(f"{machines.base}/{down['id']}")
    await machines.wait(down["id"], "destroyed")
    assert down["id"] not in (await machines.api.get("/metrics")).text
