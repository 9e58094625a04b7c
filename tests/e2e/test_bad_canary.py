"""Canaries that are worse than what serves, under load: each is found out, and taken back or held.

Every request is answered well all the time, but for what the bad canary itself answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import chain
from typing import Any

import pytest

from tests.e2e.load import Load
from tests.e2e.project import Project, Run, open_web

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

API = "service/flygate_service/routes/api.py"
# A machine that died must be back within it, on a busy computer too, or no restart is seen.
SOAK_SECONDS = 9
# Enough for each machine to have some: a client has one machine, which keeps its limits.
CLIENTS = 24

# Behaves as its environment says, so that each bad release is no more than another variable.
MISBEHAVE = '''
import asyncio
import os
import time
from itertools import count

from starlette.exceptions import HTTPException

FAULT = os.environ.get("FAULT", "")
hoard: list[bytearray] = []
requests = count(1)
began = time.monotonic()


async def misbehave(release: str | None) -> None:
    """Fail every twentieth request, be three times as slow, leak, or die."""
    await asyncio.sleep(0.03 if FAULT == "slow" else 0.01)
    if FAULT == "errors" and next(requests) % 20 == 0:
        raise HTTPException(500, f"the fault of {release}")
    if FAULT == "leak":
        hoard.append(bytearray(os.urandom(1024)) * 60)
    if FAULT == "die" and time.monotonic() - began > 4:
        os._exit(1)
'''


@pytest.fixture(scope="module")
def shop(newcomer: Any) -> Iterator[Project]:
    """A good release whose code can misbehave; what comes next is a canary that is judged."""
    project: Project = newcomer.project
    project.reset()
    project.edit(
        API,
        '        return {"id"',
        '        await misbehave(settings.release)\n        return {"id"',
    )
    project.append(API, MISBEHAVE)
    # The load must not be refused; a proof of the limiter must not take long.
    project.config("env.RATE_LIMIT_RPM", "24000")
    project.config("env.RATE_LIMIT_BURST", "100")
    project.up().ok()
    project.config("rollout.strategy", "canary")
    project.config("rollout.soak", f"{SOAK_SECONDS}s")
    yield project
    project.reset()


def up_under_load(project: Project) -> tuple[Run, Load]:
    """`pulumi up` while clients ask for items; the loads are summed up in the first."""
    url = project.outputs_of("url")
    webs = [partial(open_web, url, f"127.44.0.{number}") for number in range(1, CLIENTS + 1)]
    loads = [Load(web, "/items/1", pause_seconds=0.06) for web in webs]
    with ExitStack() as running:
        for load in loads:
            running.enter_context(load)
        run = project.up()
    loads[0].served = sum(load.served for load in loads)
    loads[0].failures = list(chain.from_iterable(load.failures for load in loads))
    return run, loads[0]


@pytest.mark.parametrize(
    ("fault", "said", "own_failures"),
    [
        ("errors", "judge check of the new machines: 5xx", "the fault of"),
        ("slow", "judge check of the new machines: latency 2.", "nothing"),
        ("leak", "leaks memory", "nothing"),
        ("die", "restarted once while judged|does not answer any more", "50"),
    ],
)
def test_a_bad_canary_is_taken_back(
    shop: Project, fault: str, said: str, own_failures: str
) -> None:
    """The reason has its numbers; the former release serves on."""
    release, machines = shop.outputs_of("release"), shop.kept()
    shop.config("env.FAULT", fault)

    run, load = up_under_load(shop)

    assert run.code != 0
    assert re.search(said, run.output)
    assert f"{release} serves as before" in run.output
    assert shop.kept() == machines
    assert [failure for failure in load.failures if own_failures not in failure] == []
    if fault == "die":  # what was under way on it, and nothing else
        assert len(load.failures) <= CLIENTS
    assert load.served > 300
    judged_again = shop.flygate("judge", "local")
    assert judged_again.code == 2
    assert "fail: " in judged_again.output


def test_a_good_canary_passes(shop: Project) -> None:
    """Under the same load nothing is held against it, and no client notices."""
    shop.config("env.FAULT", "none")

    run, load = up_under_load(shop)

    run.ok()
    assert "5xx 0 of" in run.output
    assert load.failures == []
    [judged] = json.loads(shop.flygate("judge", "local", "--json").ok().output)
    assert judged["outcome"] == "pass"
    assert judged["numbers"]["iad"]["errors"]["candidate"][1] >= 150
    strict = shop.flygate("judge", "local", "--rule", "minimum=1000000")
    assert strict.code == 3
    assert "of the 1000000 requests wanted" in strict.output


def test_a_canary_without_traffic_is_held(shop: Project) -> None:
    """Nothing was seen, so nothing is decided: both releases serve until an operator decides."""
    before, live = shop.status(), shop.live()
    shop.config("env.FAULT", "unseen")
    shop.config("rollout.soak", "3s")

    run = shop.up()

    assert run.code != 0
    assert "is held" in run.output
    assert "0 of the 150 requests wanted reached the new machines" in run.output
    serving = [m for m in shop.status()["machines"] if m["state"] == "started"]
    assert {m["role"] for m in serving} == {"live", "candidate"}
    assert shop.status()["release"] == before["release"]
    shop.flygate("abort", "local").ok()
    assert [m["name"] for m in shop.live()] == [m["name"] for m in live]
    assert "candidate" not in {m["role"] for m in shop.machines()}
