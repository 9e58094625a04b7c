"""`fly-replay` through the real proxy: each field, guard and header (docs/fly-api.md 6.4)."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.localfly import Machines, local_machines

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

Seen = dict[str, str]


class ThreeApps:
    """Machines `here` and `near` in iad and `far` in fra; `other` in another app, `foreign` in
    another organization's.
    """

    def __init__(self, machines: Machines, ids: dict[str, str]) -> None:
        self.machines = machines
        self.ids = ids
        self.names = {identifier: name for name, identifier in ids.items()}

    def filled(self, text: str) -> str:
        """`{near}` → the id of that machine."""
        return re.sub(r"\{(\w+)\}", lambda found: self.ids[found[1]], text)

    async def request(self, order: str = "", path: str = "/headers", **more: Any) -> httpx.Response:
        """A request to `here`, which answers it with this order."""
        headers = {"host": "demo.localhost", "fly-force-instance-id": self.ids["here"]}
        headers |= {"x-replay": self.filled(order)} if order else {}
        headers |= {name: self.filled(value) for name, value in more.pop("headers", {}).items()}
        return await self.machines.proxy.request(
            more.pop("method", "GET"), path, headers=headers, **more
        )

    async def ask(self, order: str = "", path: str = "/headers", **more: Any) -> Seen:
        """What the machine saw that answered in the end."""
        answer = await self.request(order, path, **more)
        assert answer.status_code == 200, answer.text
        seen = dict(line.split(": ", 1) for line in answer.text.splitlines())
        return {**seen, "me": self.names[seen["me"]]}


@pytest.mark.parametrize(
    "order",
    [
        '{"app": "other", "cache": {"prefix": "demo.localhost/*", "ttl": 1e999}}',
        '{"app": "other", "transform": {"delete_headers": [1]}}',
        '{"instance": "a\\r\\nx: y"}',
        '{"region": "\\ud83d\\ude42"}',
        '{"app": ' + "[" * 20_000,
    ],
    ids=lambda order: order[:40],
)
async def test_an_order_that_can_t_be_is_answered(three_apps: ThreeApps, order: str) -> None:
    """With the proxy's own error, and not with silence."""
    answer = await three_apps.request(headers={"x-replay-json": order})
    assert answer.status_code == 502
    assert "invalid fly-replay" in answer.text


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def three_apps(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ThreeApps]:
    """One local Fly for all tests of this file: none of them changes it."""
    async with local_machines(tmp_path_factory.mktemp("replay") / "state") as made:
        config = made.config()
        options = {
            "replay_cache": [
                {"path_prefix": "/headers/s", "ttl_seconds": 60, "type": "cookie", "name": "sid"},
                {
                    "path_prefix": "/headers/skip",
                    "ttl_seconds": 60,
                    "type": "header",
                    "name": "x-key",
                    "allow_bypass": True,
                },
            ]
        }
        config["services"][0]["ports"][0]["http_options"] = options
        places = {"here": "iad", "near": "iad", "far": "fra"}
        created = {
            name: await made.create(config=config, region=region) for name, region in places.items()
        }
        for app, owner in (("other", "personal"), ("foreign", "acme")):
            await made.api.post("/v1/apps", json={"name": app, "org_slug": owner})
            elsewhere = Machines(made.fly, made.api, made.proxy, app, made.digest)
            created[app] = await elsewhere.create()
            await elsewhere.healthy(created[app]["id"])
        for name in places:
            await made.healthy(created[name]["id"])
        yield ThreeApps(made, {name: machine["id"] for name, machine in created.items()})


# The fields of the documented table, and what each leads to.
@pytest.mark.parametrize(
    ("order", "answers"),
    [
        ("instance={near}", {"near"}),
        ("instance={far}", {"far"}),
        ("instance={here}", {"here"}),
        ("prefer_instance={far}", {"far"}),
        ("prefer_instance=00000000000000", {"here", "near"}),
        ("prefer_instance=00000000000000;region=fra", {"far"}),
        ("region=fra", {"far"}),
        ('region="sjc,fra"', {"far"}),
        ('region="sjc,any"', {"here", "near"}),
        ("region=eu", {"far"}),
        ("elsewhere=true", {"near"}),
        ("elsewhere=true;region=eu", {"far"}),
        ("app=other", {"other"}),
        ("app=other;region=iad", {"other"}),
        ("instance={far};timeout=5s", {"far"}),
    ],
)
async def test_the_fields(three_apps: ThreeApps, order: str, answers: set[str]) -> None:
    """In the header and in the JSON form, from the client's side a single request."""
    assert (await three_apps.ask(order))["me"] in answers
    fields = dict(part.split("=") for part in order.replace('"', "").split(";"))
    document = {**fields, "elsewhere": True} if "elsewhere" in fields else fields
    seen = await three_apps.ask(headers={"x-replay-json": json.dumps(document)})
    assert seen["me"] in answers


async def test_the_target_sees_where_the_request_comes_from(three_apps: ThreeApps) -> None:
    """fly-replay-src has machine, region, microseconds and state; the client's own is dropped."""
    seen = await three_apps.ask(
        "instance={far};state=x=1", headers={"fly-replay-src": "instance=forged"}
    )
    pattern = rf"instance={three_apps.ids['here']};region=iad;t=\d{{16}};state=x=1"
    assert re.fullmatch(pattern, seen["fly-replay-src"])
    assert seen["fly-replay-cache-status"] == "miss"
    assert seen["fly-region"] == "iad"
    assert "fly-replay-src" not in await three_apps.ask()


async def test_an_unavailable_preference_is_reported(three_apps: ThreeApps) -> None:
    """The machine that serves instead learns whom it stands in for."""
    seen = await three_apps.ask("prefer_instance=00000000000000;region=fra")
    assert seen["fly-preferred-instance-unavailable"] == "00000000000000"


# The guards, with the codes of Fly's page on errors.
@pytest.mark.parametrize(
    ("order", "headers", "code"),
    [
        ("instance=00000000000000", {}, "PR01"),
        ("region=syd", {}, "PR01"),
        ("instance={near}", {"x-replay-always": "yes"}, "PA02"),
        ("planet=mars", {}, "PA03"),
        ("", {"x-replay-json": "{"}, "PA03"),
        ("app=unknown", {}, "PA04"),
        ("app=foreign", {}, "PA05"),
        ("instance=0;fallback=force_self", {"x-replay-always": "yes"}, "PA03"),
    ],
)
async def test_the_guards(three_apps: ThreeApps, order: str, headers: Seen, code: str) -> None:
    """The client gets the proxy's error, and the connection stays usable."""
    answer = await three_apps.request(order, headers=headers)
    assert answer.is_error
    assert answer.text.startswith(f"[{code}]"), answer.text
    assert (await three_apps.ask())["me"] == "here"


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_bodies_up_to_1_mb_are_replayed(three_apps: ThreeApps, is_chunked: bool) -> None:
    """Whole, in both framings; one byte more is PA01."""

    async def chunks(size: int) -> AsyncIterator[bytes]:
        for start in range(0, size, 65536):
            yield b"x" * min(65536, size - start)

    def body(size: int) -> Any:
        return chunks(size) if is_chunked else b"x" * size

    megabyte = 1024 * 1024
    seen = await three_apps.ask("instance={near}", method="POST", content=body(megabyte))
    assert (seen["me"], seen["body-size"]) == ("near", str(megabyte))
    answer = await three_apps.request("instance={near}", method="POST", content=body(megabyte + 1))
    assert answer.text.startswith("[PA01]"), answer.text


# What a failed replay comes back with, by the reason.
@pytest.mark.parametrize(
    ("order", "failed"),
    [
        ("instance=00000000000000", "instance=00000000000000;app=demo;region=;.*no_candidate"),
        ("app=other;region=syd", "instance=;app=other;region=syd;.*no_candidate"),
    ],
)
@pytest.mark.parametrize("fallback", ["force_self", "prefer_self"])
async def test_fallbacks(three_apps: ThreeApps, order: str, failed: str, fallback: str) -> None:
    """The source gets its request again, and why."""
    seen = await three_apps.ask(f"{order};fallback={fallback}")
    assert seen["me"] == "here"
    assert re.match(failed, seen["fly-replay-failed"]), seen["fly-replay-failed"]
    assert f"replay_source={three_apps.ids['here']}" in seen["fly-replay-failed"]
    assert "fly-replay-src" not in seen


async def test_a_replay_that_takes_too_long_comes_back(three_apps: ThreeApps) -> None:
    """After its timeout, not after the target's time; without a fallback it is an error."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    path = {
        "transform": {"path": "/slow?8"},
        "instance": three_apps.ids["near"],
        "timeout": "200ms",
    }
    document = json.dumps({**path, "fallback": "force_self"})
    seen = await three_apps.ask(headers={"x-replay-json": document})
    assert seen["me"] == "here"
    assert "reason=timeout;elapsed_ms=2" in seen["fly-replay-failed"]
    answer = await three_apps.request(headers={"x-replay-json": json.dumps(path)})
    assert answer.status_code == 504
    assert loop.time() - began < 5


async def test_transformations(three_apps: ThreeApps) -> None:
    """The target sees another path and other headers."""
    transform = {
        "path": "/headers/new?a=1",
        "delete_headers": ["x-unwanted"],
        "set_headers": [{"name": "X-Custom", "value": "new"}],
    }
    document = json.dumps({"instance": three_apps.ids["near"], "transform": transform})
    headers = {"x-replay-json": document, "x-unwanted": "1", "x-custom": "old"}
    seen = await three_apps.ask(headers=headers)
    assert (seen["me"], seen["target"], seen["x-custom"]) == ("near", "/headers/new?a=1", "new")
    assert "x-unwanted" not in seen


async def test_the_path_cache_spares_the_source(three_apps: ThreeApps) -> None:
    """The second request goes straight to the target, until the target wants it forgotten."""
    path = "/headers/cached/x"
    more = "fly-replay-cache: /headers/cached/* | fly-replay-cache-ttl-secs: 60"
    first = await three_apps.ask("instance={far}", path, headers={"x-replay-more": more})
    assert (first["me"], first["fly-replay-cache-status"]) == ("far", "miss")
    second = await three_apps.ask("", "/headers/cached/y")
    assert (second["me"], second["fly-replay-cache-status"]) == ("far", "hit")
    assert "fly-replay-src" not in second
    skipped = await three_apps.ask("", path, headers={"fly-replay-cache-control": "skip"})
    assert skipped["me"] == "far", "skipping is opt-in"
    back = {"x-replay-more": "fly-replay-cache: invalidate", "x-replay-always": "yes"}
    document = json.dumps({"instance": three_apps.ids["here"], "cache": {"invalidate": True}})
    answer = await three_apps.request("", path, headers={**back, "x-replay-json": document})
    assert answer.text.startswith("[PA02]"), "both go on replaying in this test"
    assert (await three_apps.ask("", path))["me"] == "here"


async def test_the_session_cache_knows_a_cookie(three_apps: ThreeApps) -> None:
    """One client's session stays with its machine; another one's is not touched."""
    mine, yours = {"cookie": "a=1; sid=mine"}, {"cookie": "sid=yours"}
    first = await three_apps.ask("prefer_instance={far}", "/headers/s/1", headers=mine)
    assert (first["me"], first["fly-replay-cache-status"]) == ("far", "miss")
    second = await three_apps.ask("", "/headers/s/2", headers=mine)
    assert (second["me"], second["fly-replay-cache-status"]) == ("far", "hit")
    for path, headers in (("/headers/s/2", yours), ("/headers/other", mine)):
        seen = await three_apps.ask("", path, headers=headers)
        assert seen["me"] == "here"
        assert "fly-replay-cache-status" not in seen


async def test_a_session_may_be_skipped_where_the_config_lets_it(three_apps: ThreeApps) -> None:
    """The request reaches its source again; if that replays it, the target reads `bypass`."""
    key, skip = {"x-key": "k"}, {"fly-replay-cache-control": "skip"}
    await three_apps.ask("instance={far}", "/headers/skip", headers=key)
    assert (await three_apps.ask("", "/headers/skip", headers=key))["me"] == "far"
    assert (await three_apps.ask("", "/headers/skip", headers=key | skip))["me"] == "here"
    seen = await three_apps.ask("instance={near}", "/headers/skip", headers=key | skip)
    assert (seen["me"], seen["fly-replay-cache-status"]) == ("near", "bypass")


async def test_a_cached_target_that_is_gone_is_forgotten(three_apps: ThreeApps) -> None:
    """The cache is an optimisation: the request is routed as if there were none."""
    extra = await three_apps.machines.serving(region="iad")
    headers = {"cookie": "sid=gone"}
    answer = await three_apps.request(f"instance={extra['id']}", "/headers/s/x", headers=headers)
    assert f"me: {extra['id']}" in answer.text
    await three_apps.machines.api.delete(f"{three_apps.machines.base}/{extra['id']}?force=true")
    await three_apps.machines.wait(extra["id"], "destroyed")
    assert (await three_apps.ask("", "/headers/s/x", headers=headers))["me"] == "here"


async def test_websockets_are_replayed_at_the_handshake(three_apps: ThreeApps) -> None:
    """The source answers with an order instead of 101; the target's tunnel reaches the client."""
    port = httpx.URL(three_apps.machines.fly.proxy_url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        "GET / HTTP/1.1\r\nhost: demo.localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        f"fly-force-instance-id: {three_apps.ids['here']}\r\n"
        f"x-replay: instance={three_apps.ids['far']}\r\n\r\n"
    )
    writer.write(head.encode() + b"early")
    async with asyncio.timeout(10):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        assert await reader.readexactly(5) == b"EARLY"
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"HELLO"
    writer.close()


async def test_the_order_is_not_for_the_client(three_apps: ThreeApps) -> None:
    """Neither the headers of the order nor its body pass the proxy."""
    answer = await three_apps.request("instance={near}", headers={"x-replay-more": "x-secret: 1"})
    assert not {name for name in answer.headers if "replay" in name or name == "x-secret"}


async def test_prefer_and_force_region(three_apps: ThreeApps) -> None:
    """The client's own headers choose the region; forced ones have no way out."""
    proxy, headers = three_apps.machines.proxy, {"host": "demo.localhost"}
    answer = await proxy.get("/", headers={**headers, "fly-prefer-region": "syd,eu"})
    assert answer.text == three_apps.ids["far"]
    answer = await proxy.get("/", headers={**headers, "fly-force-region": "syd"})
    assert answer.text.startswith("[PR01]")


async def test_clients_can_say_where_they_are(three_apps: ThreeApps) -> None:
    """`fly-local-region` stands in for the place of the client; the machine reads the edge."""
    answer = await three_apps.machines.ask("/headers", fly_local_region="cdg")
    assert f"me: {three_apps.ids['far']}" in answer.text
    assert "fly-region: cdg" in answer.text
    assert "fly-local-region" not in answer.text
