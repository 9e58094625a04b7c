"""What a machine reports to a rollout's judge: the truth, and to holders of the key only."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from flygate_service.app import Service, build_app
from flygate_service.metrics.statistics import CLIENTS_MAX, Statistics
from flygate_service.middleware.dispatch import Dispatch
from flygate_service.settings import Settings
from flygate_wire.statistics_schema import FIRST_NS, PER_OCTAVE, group_of
from structlog.testing import CapturingLogger

KEY = "a key that only the tests have"
STATISTICS = "/_flygate/statistics"
PATHS = ("503", "raise", "404", "429")
PROBE = "/_flygate/probe"
NONCE = "0123456789abcdef0123456789abcdef"


def signed(
    path: str = STATISTICS, *, key: str = KEY, late: int = 0, method: str = "GET"
) -> dict[str, str]:
    """The header of a signed request, by a clock that is late."""
    moment = int(time.time()) - late
    text = "\n".join([method, path, str(moment), NONCE])
    signature = hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
    return {"flygate-signature": f"t={moment},n={NONCE},s={signature}"}


def service(**environment: str) -> Service:
    """A service with a key, and a quota that is soon used up."""
    values = {"FLYGATE_KEY": KEY, "RATE_LIMIT_RPM": "1", "RATE_LIMIT_BURST": "3", **environment}
    return build_app(Settings.from_environment(values), CapturingLogger())


def client(app: Any, address: str = "192.0.2.1") -> httpx.AsyncClient:
    """A client; what the application raises is a 500, as with a real server."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def reported(app: Any) -> dict[str, Any]:
    """The statistics of a service."""
    async with client(app) as web:
        answer = await web.get(STATISTICS, headers=signed())
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def test_it_shows_what_was_answered_and_what_was_refused() -> None:
    """Requests of users are counted; those of Fly's checks and of rollouts are not."""
    app = service()
    before = await reported(app)
    async with client(app) as web:
        statuses = [(await web.get("/items/1")).status_code for _ in range(5)]
        await web.get("/health")
        await web.get("/readyz")

    after = await reported(app)

    assert statuses == [200, 200, 200, 429, 429]
    assert [after[name] - before[name] for name in ("served", "errors", "refused")] == [3, 0, 2]
    assert sum(count for _, count in after["latency"]["counts"]) == 3
    assert after["boot"] == before["boot"]
    assert after["uptime_seconds"] >= before["uptime_seconds"]


async def test_an_application_that_fails_is_counted_as_an_error() -> None:
    """Whether it answers with a 5xx or raises; what a client did wrong is no error."""
    app = service(SERVICE_APP="tests.service.test_statistics:failing", RATE_LIMIT_BURST="9")
    async with client(app) as web:
        statuses = [(await web.get(f"/{path}")).status_code for path in PATHS]

    found = await reported(app)

    assert statuses == [503, 500, 404, 429]
    assert (found["served"], found["errors"]) == (4, 2)
    # Neither an error nor a refusal says how fast the application is.
    assert sum(count for _, count in found["latency"]["counts"]) == 1


async def failing(scope: Any, receive: Any, send: Any) -> None:
    """An application that does what the path says."""
    assert scope["type"] == "http"
    if scope["path"] == "/raise":
        raise RuntimeError("no")
    await send({"type": "http.response.start", "status": int(scope["path"][1:]), "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def test_the_latency_is_the_time_to_the_first_byte() -> None:
    """A slow answer falls into the bucket of its duration; a long download is not slow."""
    statistics = Statistics()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.05)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.3)
        await send({"type": "http.response.body", "body": b"done"})

    async with client(Dispatch(slow, [], statistics, frozenset())) as web:
        await web.get("/")

    [(bucket, count)] = statistics.snapshot()["latency"]["counts"]
    least = FIRST_NS * 2 ** ((bucket - 1) / PER_OCTAVE)
    assert count == 1
    assert 0.045e9 <= least < 0.3e9


@pytest.mark.parametrize("header", ["Fly-Force-Instance-Id", "fly-prefer-instance-id"])
async def test_who_names_the_machine_is_not_counted(header: str) -> None:
    """Or one client could make one release look bad: by errors, and by being refused."""
    app = service(SERVICE_APP="tests.service.test_statistics:failing", RATE_LIMIT_BURST="2")
    async with client(app) as web:
        answers = [await web.get("/500", headers={header: "d89"}) for _ in range(4)]

    found = await reported(app)

    assert [answer.status_code for answer in answers] == [500, 500, 429, 429]
    assert (found["served"], found["errors"], found["refused"]) == (0, 0, 0)
    assert found["clients"] == {}


async def test_it_shows_how_many_clients_the_errors_come_from() -> None:
    """By names that are the same on each machine of the app, and that say nothing of an address."""
    machines = [service(SERVICE_APP="tests.service.test_statistics:failing") for _ in range(2)]
    for app in machines:
        for address, errors in (("192.0.2.1", 3), ("192.0.2.2", 1)):
            async with client(app, address) as web:
                for _ in range(errors):
                    await web.get("/500")

    found = [await reported(app) for app in machines]

    assert sorted(found[0]["clients"].values()) == [1, 3]
    assert found[0]["clients"] == found[1]["clients"]
    assert "192.0.2" not in json.dumps(found[0])
    groups = found[0]["groups"]
    for name in ("served", "errors", "refused"):
        assert sum(group[name] for group in groups) == found[0][name]
    [loud] = [name for name, count in found[0]["clients"].items() if count == 3]
    assert groups[group_of(loud, len(groups))]["errors"] >= 3


def test_the_clients_with_errors_are_bounded() -> None:
    """A flood of addresses pushes out those whose errors are oldest, and no error is lost."""
    statistics = Statistics(key=KEY)
    for number in range(10 * CLIENTS_MAX):
        statistics.answered(500, 0, f"192.0.2.{number}")

    found = statistics.snapshot()

    assert len(found["clients"]) == CLIENTS_MAX
    assert found["errors"] == 10 * CLIENTS_MAX


async def test_a_request_that_hangs_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, though it is answered late; one whose body is still on its way does not hang."""
    monkeypatch.setattr("flygate_service.metrics.statistics.HANGS_SECONDS", 0.0)
    statistics, go_on, is_there = Statistics(), asyncio.Event(), asyncio.Event()

    async def hanging(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST":
            await receive()
        else:
            is_there.set()
            await go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def slow_upload() -> AsyncIterator[bytes]:
        await go_on.wait()
        yield b"x"

    async with client(Dispatch(hanging, [], statistics, frozenset())) as web:
        asked = asyncio.gather(web.get("/"), web.post("/", content=slow_upload()))
        await is_there.wait()
        during = statistics.snapshot()
        go_on.set()
        answers = await asked

    after = statistics.snapshot()
    assert (during["served"], during["errors"]) == (1, 1)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert (after["served"], after["errors"]) == (2, 1)


@pytest.mark.parametrize(
    ("how", "errors"),
    [("silent", 1), ("broken", 1), ("whole", 0), ("left", 0)],
)
async def test_an_answer_that_is_none_is_an_error(how: str, errors: int) -> None:
    """Ended without one, as after the client left, or broken off; not where the client left it."""
    statistics = Statistics()

    async def unreliable(scope: Any, receive: Any, send: Any) -> None:
        if how == "silent":
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if how == "broken":
            raise RuntimeError("in the middle")
        if how == "left":
            raise OSError("the client is gone")
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        pass

    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "headers": []}
    with contextlib.suppress(RuntimeError, OSError):
        await Dispatch(unreliable, [], statistics, frozenset())(scope, receive, send)

    found = statistics.snapshot()
    assert (found["served"], found["errors"]) == (1, errors)


async def test_it_shows_memory() -> None:
    """What the process occupies, what of it is the limiter's, and what the machine has."""
    memory = (await reported(service(FLY_VM_MEMORY_MB="256")))["memory"]

    assert memory["limit_bytes"] == 256 * 2**20
    assert memory["rss_bytes"] > 2**20
    assert 0 < memory["limiter_bytes"] < memory["rss_bytes"]


async def test_it_shows_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is one more; where they can't be counted nothing is shown."""
    statistics = Statistics()
    statistics.connections = lambda: 3
    before = statistics.snapshot()["descriptors"]
    left, right = os.pipe()
    try:
        after = statistics.snapshot()["descriptors"]
    finally:
        os.close(left)
        os.close(right)

    assert before is not None
    assert after is not None
    assert (after["open"] - before["open"], after["connections"]) == (2, 3)
    assert after["open"] < after["limit"]
    monkeypatch.setattr("flygate_service.metrics.statistics._DESCRIPTORS", "/no/such/folder")
    assert statistics.snapshot()["descriptors"] is None


async def test_another_process_has_another_name() -> None:
    """A restart must not look like a quiet minute."""
    assert (await reported(service()))["boot"] != (await reported(service()))["boot"]


@pytest.mark.parametrize(
    "make_headers",
    [
        dict,
        lambda: {"flygate-signature": "nonsense"},
        lambda: signed(key="another key, and a long one"),
        lambda: signed(late=90),
        lambda: signed(late=-90),
        lambda: signed("/_flygate/probe"),
        lambda: signed(method="POST"),
    ],
)
async def test_without_a_right_signature_nothing_is_shown(
    make_headers: Callable[[], dict[str, str]],
) -> None:
    """None, a forged one, an old or a future one, one for another path or method."""
    async with client(service()) as web:
        answer = await web.get(STATISTICS, headers=make_headers())

    assert answer.status_code == 401
    assert "served" not in answer.text


async def test_without_a_key_there_are_no_statistics() -> None:
    """No caller can sign then; and a wrapped application never sees the path."""
    app = service(FLYGATE_KEY="", SERVICE_APP="tests.service.test_statistics:failing")
    async with client(app) as web:
        answer = await web.get(STATISTICS, headers=signed(key=""))

    assert answer.status_code == 404
    assert "FLYGATE_KEY" in answer.text


async def test_it_is_never_refused(tmp_path: Path) -> None:
    """The judge asks all the time, also where policies of a file apply."""
    policies = tmp_path / "policies.toml"
    policies.write_text('[[policy]]\nname = "tight"\nquota = "1/h"\n', encoding="utf-8")
    app = service(RATE_LIMIT_POLICIES=str(policies))

    for _ in range(5):
        assert (await reported(app))["refused"] == 0


async def test_a_signed_probe_touches_no_client_s_bucket() -> None:
    """It has a burst of its own, whatever address it comes from."""
    app = service()
    async with client(app) as web:
        probes = [(await web.get(PROBE, headers=signed(PROBE))).status_code for _ in range(4)]
        users = [(await web.get("/items/1")).status_code for _ in range(4)]

    assert probes == [204, 204, 204, 429]
    assert users == [200, 200, 200, 429]


async def test_a_probe_can_t_be_forged() -> None:
    """A caller without the key is charged like all others, also on the probe's path."""
    app = service()
    forged = signed(PROBE, key="a key that is not the right one")
    async with client(app) as web:
        probes = [(await web.get(PROBE, headers=forged)).status_code for _ in range(3)]
        user = await web.get("/items/1")

    assert probes == [204, 204, 204]
    assert user.status_code == 429


async def test_a_signature_is_worth_nothing_elsewhere() -> None:
    """A probe's signature does not free its bearer from limits on other paths."""
    app = service()
    async with client(app) as web:
        statuses = [
            (await web.get("/items/1", headers=signed("/items/1"))).status_code for _ in range(4)
        ]

    assert statuses == [200, 200, 200, 429]
