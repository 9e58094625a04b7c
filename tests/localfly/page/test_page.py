"""The status page, in a real headless Chromium; and what it says of a rollout, as a rule."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from localfly.page.rollout_progress import (
    CANDIDATE,
    LIVE,
    STANDBY,
    Member,
    RolloutProgress,
    progress_of,
)

from tests.support.browser import browser_page, chromium_or_skip
from tests.support.localfly import Json, Machines, local_machines


def members(*groups: tuple[str, str, int, int]) -> list[Member]:
    """Release, role, how many, and how many of them serve."""
    return [
        Member(release, role, is_serving=number < serving)
        for release, role, count, serving in groups
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("machines", "rollout"),
    [
        (members(), None),
        (members(("", "", 2, 2)), None),
        (members(("v1", CANDIDATE, 2, 1)), RolloutProgress("v1", "", 1, 2, True, "")),
        (members(("v1", LIVE, 2, 2)), RolloutProgress("v1", "", 2, 2, False, "")),
        (
            members(("v6", LIVE, 4, 4), ("v7", CANDIDATE, 1, 1)),
            RolloutProgress("v7", "v6", 1, 4, True, ""),
        ),
        (
            members(("v6", STANDBY, 4, 0), ("v7", LIVE, 4, 4)),
            RolloutProgress("v7", "", 4, 4, False, ""),
        ),
        (
            members(("v9", LIVE, 2, 2), ("v10", CANDIDATE, 3, 0), ("v8", STANDBY, 2, 0)),
            RolloutProgress("v10", "v9", 0, 3, True, ""),
        ),
    ],
)
def test_what_is_said_of_a_rollout(machines: list[Member], rollout: RolloutProgress | None) -> None:
    """The newest release, the live one that it takes the place of, and how far it has come."""
    assert progress_of(machines) == rollout


def test_a_release_that_lost_machines_shows_it() -> None:
    """It says itself how many it has; a lease's holder is named."""
    left = [Member("v7", LIVE, is_serving=True, holder="rollback by kim", count=4)] * 3
    assert progress_of(left) == RolloutProgress("v7", "", 3, 4, False, "rollback by kim")


@given(
    st.lists(
        st.builds(
            Member,
            release=st.sampled_from(["v1", "v2", "v3", "", "vx", "v²"]),
            role=st.sampled_from([CANDIDATE, LIVE, STANDBY]),
            is_serving=st.booleans(),
        ),
        max_size=12,
    )
)
def test_a_rollout_is_never_more_than_whole(found: list[Member]) -> None:
    """Whatever the machines say, the progress is between nothing and all that there is."""
    rollout = progress_of(found)
    newest = [m for m in found if rollout and m.release == rollout.release]
    assert (rollout is None) == (not {"v1", "v2", "v3"} & {m.release for m in found})
    if rollout:
        assert 0 <= rollout.serving <= len(newest)
        assert rollout.former != rollout.release
        assert rollout.is_under_way == any(m.role == CANDIDATE for m in newest)


def released(machines: Machines, release: str, role: str) -> Json:
    metadata = {"flygate_release": release, "flygate_role": role}
    return machines.config(metadata=metadata)


@pytest.fixture
async def rolling(tmp_path: Path) -> AsyncIterator[tuple[Machines, dict[str, str]]]:
    """v6 on two machines, v7 on one, a sleeper far away."""
    async with local_machines(tmp_path / "state") as machines:
        places = {
            "old-1": ("v6", LIVE, "iad"),
            "old-2": ("v6", LIVE, "fra"),
            "new": ("v7", CANDIDATE, "iad"),
            "asleep": ("v6", LIVE, "syd"),
        }
        ids = {}
        for name, (release, role, region) in places.items():
            config = released(machines, release, role)
            ids[name] = (await machines.create(config=config, name=name, region=region))["id"]
        for machine in ids.values():
            await machines.healthy(machine)
        await machines.post(ids["asleep"], "suspend")
        await machines.wait(ids["asleep"], "suspended")
        yield machines, ids


@pytest.mark.integration
async def test_the_page_shows_what_happens(rolling: tuple[Machines, dict[str, str]]) -> None:
    """Machines, rollout, load, rates and events, as they change; nothing is asked of the network;
    no complaint in the console; an independent checker finds no barrier in light nor in dark.
    """
    chromium_or_skip()
    from playwright.async_api import expect  # noqa: PLC0415 (not everywhere)

    machines, ids = rolling
    url = machines.fly.api_url
    async with browser_page(url, viewport={"width": 1280, "height": 800}) as page:
        await page.goto(f"{url}/")
        await page.wait_for_selector(f"[data-machine='{ids['new']}']")

        async def reads(selector: str, text: str) -> None:
            await expect(page.locator(selector)).to_contain_text(text, timeout=10_000)

        async def row(name: str, cell: str, text: str) -> None:
            await reads(f"[data-machine='{ids[name]}'] .{cell}", text)

        await reads("#connection", "live")
        await reads("#total-machines", "3 of 4")
        await reads(".rollout-text", "Rolling out v7, in place of v6: 1 of 3 machines serve")
        await row("new", "role", "candidate")
        await row("new", "region", "iad")
        assert await page.locator("th.group").is_hidden(), "there are no groups to tell apart"
        await row("old-1", "checks", "1 of 1 passing")
        await row("asleep", "state", "suspended")

        slow = asyncio.create_task(machines.ask("/slow?2", fly_force_instance_id=ids["old-2"]))
        await row("old-2", "load-text", "1 of 40")
        await slow
        await machines.post(ids["old-1"], "cordon")
        await row("old-1", "state", "started, cordoned")
        await machines.ask("/sick", fly_force_instance_id=ids["old-2"])
        await row("old-2", "checks", "0 of 1 passing")
        await machines.post(ids["new"], "stop")
        await row("new", "state", "stopped")
        await reads(".events ol", f"{ids['new']} iad v7")
        await machines.api.delete(f"{machines.base}/{ids['asleep']}?force=true")
        await page.wait_for_selector(f"[data-machine='{ids['asleep']}']", state="detached")

        await reads_a_rate(page, machines)
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            assert await barriers(page) == []
        await page.set_viewport_size({"width": 360, "height": 700})
        overflow = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not await page.evaluate(overflow), "a phone scrolls the table, not the page"
        assert page.problems == []


async def reads_a_rate(page: Any, machines: Machines) -> None:
    """While requests are answered the page shows that there are some."""

    async def load() -> None:
        while True:
            await machines.ask()

    loading = asyncio.create_task(load())
    try:
        async with asyncio.timeout(10):
            while float((await page.text_content("#total-rate")).replace(",", "")) < 1:  # noqa: ASYNC110 (of the page)
                await asyncio.sleep(0.1)
    finally:
        loading.cancel()


async def barriers(page: Any) -> list[str]:
    """What axe-core objects to."""
    from axe_playwright_python.async_playwright import Axe  # noqa: PLC0415 (not everywhere)

    found = await Axe().run(page)
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found.response["violations"]]


@pytest.mark.integration
async def test_process_groups_are_shown(machines: Machines) -> None:
    """A worker is of the release, and serves it without a service."""
    chromium_or_skip()
    for group, services in ("web", None), ("worker", []):
        config = released(machines, "v1", LIVE)
        config["metadata"] |= {"fly_process_group": group, "flygate_count": "2"}
        if services is not None:
            config["services"] = services
        machine = (await machines.create(config=config))["id"]
        await machines.wait(machine, "started")
    async with browser_page(machines.fly.api_url) as page:
        await page.goto(f"{machines.fly.api_url}/")
        await page.wait_for_selector(f"[data-machine='{machine}']")
        await page.get_by_text("v1 serves with 2 of 2 machines").wait_for(timeout=10_000)

        assert await page.locator("thead .group").is_visible()
        cells = await page.locator("tbody .group").all_text_contents()
        assert sorted(cells) == ["web", "worker"]


@pytest.mark.integration
async def test_names_are_text_and_nothing_else(machines: Machines) -> None:
    """What a client wrote into metadata can't become markup, nor run."""
    chromium_or_skip()
    url = machines.fly.api_url
    evil = "<img src=x onerror=document.title='owned'>"
    config = machines.config(metadata={"flygate_release": evil, "flygate_role": evil})
    machine = await machines.serving(config=config)
    async with browser_page(url) as page:
        await page.goto(f"{url}/")
        await page.wait_for_selector(f"[data-machine='{machine['id']}']")
        assert evil in await page.text_content(f"[data-machine='{machine['id']}'] .role")
        assert await page.query_selector("img") is None
        assert await page.title() == "Local Fly"


@pytest.mark.integration
async def test_the_page_comes_back_with_the_daemon(tmp_path: Path) -> None:
    """It says when the local Fly is gone, and goes on by itself; an open page delays no end."""
    chromium_or_skip()
    loop = asyncio.get_running_loop()
    async with local_machines(tmp_path / "state") as machines:
        url = machines.fly.api_url
        async with browser_page(url) as page:
            await page.goto(f"{url}/")
            await page.wait_for_selector("[data-state=live]")
            began = loop.time()
            await machines.fly.__aexit__(None, None, None)
            assert loop.time() - began < 0.9
            await page.wait_for_selector("[data-state=lost]")
            async with local_machines(tmp_path / "state", expects_app=True):
                await page.wait_for_selector("[data-state=live]")


@pytest.mark.integration
async def test_the_stream_needs_no_browser(machines: Machines) -> None:
    """A first snapshot at once; the page itself forbids all that is not its own."""
    page = await machines.api.get("/")
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    async with machines.api.stream("GET", "/_page/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = [line async for line in _first(stream, 3)]
    assert lines[2].startswith('data: {"apps":[{"name":"demo"')


async def _first(stream: httpx.Response, count: int) -> AsyncIterator[str]:
    async for line in stream.aiter_lines():
        yield line
        count -= 1
        if not count:
            return


@pytest.mark.integration
@pytest.mark.skipif("FLYGATE_SCREENSHOT" not in os.environ, reason="only to renew the picture")
async def test_the_picture_in_the_documents(rolling: tuple[Machines, dict[str, str]]) -> None:
    """FLYGATE_SCREENSHOT=docs/local-fly.png takes it."""
    machines, ids = rolling
    url = machines.fly.api_url

    async def load() -> None:
        while True:
            await asyncio.gather(*(machines.ask("/slow?0.1") for _ in range(40)))

    loading = asyncio.create_task(load())
    try:
        view = {"width": 1160, "height": 640}
        async with browser_page(url, viewport=view, color_scheme="light") as page:
            await page.goto(f"{url}/")
            await page.wait_for_selector(f"[data-machine='{ids['new']}']")
            await page.wait_for_timeout(12_000)
            await page.screenshot(path=os.environ["FLYGATE_SCREENSHOT"])
    finally:
        loading.cancel()


@pytest.mark.integration
async def test_the_page_has_nothing_that_a_machine_wrote(tmp_path: Path) -> None:
    """No output of a check, no line of a log, no variable: a new field has to be thought of."""
    async with local_machines(tmp_path / "state") as machines:
        await machines.api.post("/v1/apps/demo/secrets", json={"values": {"A": "canary-81"}})
        await machines.serving(config=released(machines, "v1", LIVE))
        async with machines.api.stream("GET", "/_page/events") as stream:
            text = [line async for line in _first(stream, 3)][2].removeprefix("data: ")
    [app] = json.loads(text)["apps"]

    assert "canary-81" not in text
    assert set(app) == {
        "name",
        "url",
        "rate",
        "errors",
        "rollout",
        "has_groups",
        "machines",
        "events",
    }
    assert set(app["machines"][0]) == {
        "id",
        "name",
        "group",
        "region",
        "state",
        "cordoned",
        "is_routed",
        "release",
        "role",
        "checks",
        "load",
        "soft_limit",
        "hard_limit",
        "rate",
    }
    assert set(app["machines"][0]["checks"][0]) == {"name", "status"}
    assert set(app["events"][0]) == {
        "id",
        "at",
        "machine",
        "region",
        "type",
        "status",
        "source",
        "release",
    }
