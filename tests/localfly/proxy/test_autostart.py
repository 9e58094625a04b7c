"""Machines that start on demand and stop when no request needs them (docs/fly-api.md 6.7), for
real.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from localfly.daemon.options import Options

from tests.support.localfly import Machines, local_machines

pytestmark = pytest.mark.integration

QUICK = Options(autostop_seconds=0.3)


def sleepy(machines: Machines, **service: Any) -> dict[str, Any]:
    """A config whose service has these fields."""
    config = machines.config(env={"PRIMARY_REGION": "iad"})
    config["services"][0] |= service
    return config


async def state(machines: Machines, machine_id: str) -> str:
    return str((await machines.get(machine_id))["state"])


async def stop(machines: Machines, machine_id: str, how: str = "stop") -> None:
    await machines.post(machine_id, how)
    await machines.wait(machine_id, "stopped" if how == "stop" else "suspended")


@pytest.mark.parametrize("how", ["stop", "suspend"])
async def test_a_request_wakes_a_machine(machines: Machines, how: str) -> None:
    """It waits until the machine serves; many requests at once wake it once."""
    machine = await machines.serving()
    await stop(machines, machine["id"], how)
    answers = await asyncio.gather(*(machines.ask() for _ in range(5)))
    assert [answer.text for answer in answers] == [machine["id"]] * 5
    events = (await machines.get(machine["id"]))["events"]
    starts = [e for e in events if e["type"] == "start" and e["status"] == "started"]
    assert len(starts) == 2
    await machines.said(machine["id"], "Starting machine")


async def test_a_machine_that_is_just_stopping_is_woken_again(machines: Machines) -> None:
    """The request waits for its end, and then for its start."""
    machine = await machines.serving(config=machines.config(env={"LINGER": "0.7"}))
    await machines.post(machine["id"], "stop")
    assert await state(machines, machine["id"]) == "stopping"
    assert (await machines.ask()).text == machine["id"]


async def test_autostart_can_be_off(machines: Machines) -> None:
    """Then the request fails at once, and the machine sleeps on; a cordoned one likewise."""
    for config, cordons in ((sleepy(machines, autostart=False), False), (None, True)):
        machine = await machines.serving(config=config)
        if cordons:
            await machines.post(machine["id"], "cordon")
        await stop(machines, machine["id"])
        answer = await machines.ask()
        assert answer.status_code == 503
        assert answer.text.startswith("[PR01]")
        assert await state(machines, machine["id"]) == "stopped"


async def test_a_machine_that_fails_to_wake_is_reported(machines: Machines) -> None:
    """The client gets an error instead of waiting on."""
    machine = await machines.serving()
    await stop(machines, machine["id"])
    config = machines.config(env={"FAIL_TO_START": "1"}, restart={"policy": "no"})
    update = {"config": config, "skip_launch": True}
    await machines.api.post(f"{machines.base}/{machine['id']}", json=update)
    await machines.wait(machine["id"], "stopped")
    answer = await machines.ask()
    assert answer.status_code == 503
    assert answer.text.startswith("[PM03]")


async def test_another_machine_starts_when_all_are_busy(machines: Machines) -> None:
    """At their soft limit; the nearest sleeper is woken and gets the request."""
    limits = {"type": "requests", "soft_limit": 1, "hard_limit": 10}
    config = sleepy(machines, concurrency=limits)
    busy = await machines.serving(config=config)
    near = await machines.serving(config=config)
    far = await machines.serving(config=config, region="syd")
    for sleeper in (near, far):
        await stop(machines, sleeper["id"])
    assert (await machines.ask()).text == busy["id"], "not needed yet"
    slow = asyncio.create_task(machines.ask("/slow?1.2"))
    await machines.said(busy["id"], "slow begins")
    assert (await machines.ask()).text == near["id"]
    assert await state(machines, far["id"]) == "stopped"
    await slow


async def test_a_named_machine_is_woken(machines: Machines) -> None:
    """Forced, it alone will do; preferred, another one serves instead."""
    one, two = await machines.serving(), await machines.serving()
    await stop(machines, two["id"])
    assert (await machines.ask(fly_prefer_instance_id=two["id"])).text == one["id"]
    assert await state(machines, two["id"]) == "stopped"
    assert (await machines.ask(fly_force_instance_id=two["id"])).text == two["id"]


async def test_sleepers_are_known_after_a_restart(tmp_path: Path) -> None:
    """A machine that slept when the daemon ended is woken by the next one."""
    async with local_machines(tmp_path / "state") as machines:
        machine = await machines.serving()
        await stop(machines, machine["id"])
    async with local_machines(tmp_path / "state", expects_app=True) as machines:
        assert (await machines.ask()).text == machine["id"]


@pytest.mark.parametrize(
    ("how", "resting", "verb"),
    [("stop", "stopped", "stopping"), ("suspend", "suspended", "suspending")],
)
async def test_idle_machines_stop_one_by_one(
    tmp_path: Path, how: str, resting: str, verb: str
) -> None:
    """Down to none, one per region and look; the log says so as Fly's does; traffic wakes them."""
    async with local_machines(tmp_path / "state", QUICK) as machines:
        config = sleepy(machines, autostop=how)
        made = [(await machines.create(config=config))["id"] for _ in range(2)]
        for machine in made:
            await machines.until(machine, lambda m: m["state"] == resting)
        second = max(made)
        await machines.said(
            second,
            f"App demo has excess capacity, auto{verb} machine {second}. "
            "0 out of 1 machines left running (region=iad)",
        )
        assert (await machines.ask()).text in made


async def test_the_end_of_the_daemon_does_not_wait_for_sleepers(tmp_path: Path) -> None:
    """A machine that was about to be suspended is ended, and not frozen while it ends."""
    async with local_machines(tmp_path / "state", Options(autostop_seconds=3600)) as machines:
        config = sleepy(machines, autostop="suspend")
        config["env"]["LINGER"] = "1"
        await machines.serving(config=config)
        began = time.monotonic()
        # It looks for idle machines while this one lingers.
        asyncio.get_running_loop().call_later(0.3, machines.fly.clock.advance, 3600)
    assert time.monotonic() - began < 4


async def test_the_primary_region_keeps_its_minimum(tmp_path: Path) -> None:
    """`min_machines_running` counts there and nowhere else; without autostop all stay."""
    async with local_machines(tmp_path / "state", QUICK) as machines:
        config = sleepy(machines, autostop="stop", min_machines_running=1)
        home, away = [await machines.create(config=config, region=r) for r in ("iad", "fra")]
        steady = await machines.create(config=sleepy(machines), region="syd")
        await machines.until(away["id"], lambda m: m["state"] == "stopped")
        await machines.healthy(home["id"])
        machines.fly.clock.advance(60)
        assert await state(machines, home["id"]) == "started"
        assert await state(machines, steady["id"]) == "started"


async def test_a_machine_under_load_is_not_stopped(tmp_path: Path) -> None:
    """A request is under way for many periods."""
    async with local_machines(tmp_path / "state", QUICK) as machines:
        config = sleepy(machines, autostop="stop")
        machine = (await machines.create(config=config))["id"]
        await machines.until(machine, lambda m: m["state"] == "stopped")
        assert (await machines.ask("/slow?1.2")).status_code == 200
        await machines.until(machine, lambda m: m["state"] == "stopped")


async def test_connections_are_not_pooled_where_they_count(machines: Machines) -> None:
    """With the type `connections` each request has a connection of its own, as documented."""
    config = sleepy(machines, concurrency={"type": "connections", "soft_limit": 20})
    await machines.serving(config=config)
    for _ in range(3):
        await machines.ask()
    lines = (await machines.api.get("/metrics")).text.splitlines()
    connects = [line for line in lines if line.startswith("fly_app_tcp_connects_count")]
    assert [line.rpartition(" ")[2] for line in connects] == ["3"]


async def test_the_clock_can_be_moved(tmp_path: Path) -> None:
    """Autostop's period passes at once."""
    async with local_machines(tmp_path / "state", Options(autostop_seconds=3600)) as machines:
        machine = await machines.serving(config=sleepy(machines, autostop="stop"))
        machines.fly.clock.advance(3600)
        await machines.until(machine["id"], lambda m: m["state"] == "stopped")


async def test_force_https_is_a_switch(tmp_path: Path) -> None:
    """Nothing here has TLS, so by default plain requests are served; with the switch they are sent
    on as Fly does.
    """
    async with local_machines(tmp_path / "state", Options(forces_https=True)) as machines:
        config = machines.config()
        config["services"][0]["ports"][0]["force_https"] = True
        machine = await machines.serving(config=config)
        answer = await machines.ask("/headers?a=1")
        assert answer.status_code == 301
        assert answer.headers["location"] == "https://demo.localhost/headers?a=1"
    async with local_machines(tmp_path / "state", expects_app=True) as machines:
        await machines.healthy(machine["id"])
        assert (await machines.ask()).text == machine["id"]


async def test_latency_between_regions(tmp_path: Path) -> None:
    """With `--latency` a request to another region takes its round trip longer."""
    async with local_machines(tmp_path / "state", Options(latency=1.0)) as machines:
        await machines.serving(region="syd")
        loop = asyncio.get_running_loop()
        began = loop.time()
        answer = await machines.proxy.get("/", headers=httpx.Headers({"host": "demo.localhost"}))
        assert answer.status_code == 200
        assert loop.time() - began > 0.2
