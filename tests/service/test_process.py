"""The service as a process, as a machine runs it."""

import asyncio
import json
import os
import re
import signal
import sys

import httpx
import pytest
from flygate_wire.signature import Signatures
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from .conftest import StartService

pytestmark = pytest.mark.integration

TOKEN = "an operator's token, long enough"


async def test_burst_then_refusal(start_service: StartService) -> None:
    """The burst passes, and the next request is refused with a wait and a problem."""
    service = await start_service(RATE_LIMIT_RPM="1", RATE_LIMIT_BURST="3")

    answers = [await service.client.get("/_flygate/probe") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [204, 204, 204, 429]
    assert answers[2].headers["ratelimit"] == '"default";r=0;t=60'
    assert answers[3].headers["retry-after"] == "60"
    assert answers[3].headers["ratelimit-policy"] == '"default";q=3;w=180'
    assert answers[3].headers["content-type"] == "application/problem+json"
    assert answers[3].json()["violated-policies"] == ["default"]


async def test_every_path_is_limited(start_service: StartService) -> None:
    """Unknown paths, routes of an included router and methods share the client's bucket."""
    service = await start_service(RATE_LIMIT_RPM="1", RATE_LIMIT_BURST="4")

    answers = [
        await service.client.get("/items/7"),
        await service.client.post("/echo", content=b"hello"),
        await service.client.get("/no/such/path"),
        await service.client.delete("/"),
        await service.client.get("/"),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 404, 405, 429]
    assert answers[0].json()["id"] == 7
    assert answers[1].json()["text"] == "hello"
    assert all("ratelimit" in answer.headers for answer in answers)


async def test_health_is_never_limited(start_service: StartService) -> None:
    """Fly's checks are answered however often they ask, and an operator sees the release."""
    service = await start_service(
        RATE_LIMIT_RPM="1",
        RATE_LIMIT_BURST="1",
        FLYGATE_RELEASE="v7",
        FLY_MACHINE_ID="d89",
        ADMIN_TOKEN=TOKEN,
    )
    headers = {"Authorization": f"Bearer {TOKEN}"}

    answers = [await service.client.get("/health", headers=headers) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5
    assert answers[0].json()["release"] == "v7"
    assert answers[0].json()["machine"] == "d89"
    assert answers[0].json()["limiter"]["policies"] == [
        {"name": "default", "quota": "1/m burst 1", "mode": "enforce"}
    ]
    assert "ratelimit" not in answers[0].headers


async def test_no_client_names_itself(start_service: StartService) -> None:
    """Off Fly no header moves a client into another bucket."""
    service = await start_service(RATE_LIMIT_RPM="1", RATE_LIMIT_BURST="2")

    answers = [
        await service.client.get(
            "/", headers={"Fly-Client-IP": f"192.0.2.{n}", "X-Forwarded-For": f"192.0.2.{n}"}
        )
        for n in range(3)
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 429]


async def test_on_fly_the_proxy_names_the_client(start_service: StartService) -> None:
    """On Fly each `Fly-Client-IP` has a bucket, an IPv6 network one, and forgeries count."""
    service = await start_service(FLY_APP_NAME="demo", RATE_LIMIT_RPM="1", RATE_LIMIT_BURST="1")

    async def status(address: str) -> int:
        answer = await service.client.get("/", headers={"Fly-Client-IP": address})
        return answer.status_code

    assert [await status("192.0.2.1"), await status("192.0.2.2")] == [200, 200]
    assert await status("::ffff:192.0.2.1") == 429
    assert [await status("2001:db8::1"), await status("2001:db8::2")] == [200, 429]
    assert [await status("nonsense"), await status("more nonsense")] == [200, 429]


async def test_shadow_mode(start_service: StartService) -> None:
    """In shadow mode no request is refused, and the metrics say which would have been."""
    service = await start_service(
        RATE_LIMIT_RPM="1", RATE_LIMIT_BURST="1", RATE_LIMIT_MODE="shadow"
    )
    answers = [await service.client.get("/") for _ in range(3)]

    async with httpx.AsyncClient() as client:
        metrics = (await client.get(f"http://127.0.0.1:{service.metrics_port}/metrics")).text

    assert [answer.status_code for answer in answers] == [200] * 3
    assert (
        'flygate_limiter_decisions_total{outcome="would_deny",policy="default",source="memory"} 2.0'
        in metrics
    )
    assert (await service.client.get("/metrics")).status_code == 404


async def test_the_probe_of_a_rollout_is_not_counted(start_service: StartService) -> None:
    """What shadow mode would have refused is clients' requests; a probe that is unsigned is one."""
    service = await start_service(
        RATE_LIMIT_RPM="1", RATE_LIMIT_BURST="1", RATE_LIMIT_MODE="shadow", FLYGATE_KEY="k" * 32
    )
    signed = {"flygate-signature": Signatures("k" * 32).sign("GET", "/_flygate/probe")}
    for headers in (signed, signed, signed, {}, {}):
        assert (await service.client.get("/_flygate/probe", headers=headers)).status_code == 204

    async with httpx.AsyncClient() as client:
        metrics = (await client.get(f"http://127.0.0.1:{service.metrics_port}/metrics")).text

    counted = re.findall(r'decisions_total{outcome="(\w+)".*} (\S+)', metrics)
    assert dict(counted) == {"allowed": "1.0", "would_deny": "1.0"}


async def test_a_flood_is_logged_once(start_service: StartService) -> None:
    """A client that is refused a hundred times makes one line of log."""
    service = await start_service(RATE_LIMIT_RPM="1", RATE_LIMIT_BURST="1", FLYGATE_RELEASE="v3")
    for _ in range(100):
        await service.client.get("/")
    await service.stop()

    refused = service.events("refused")

    assert len(refused) == 1
    assert refused[0]["client"] == "127.0.0.1"
    assert refused[0]["release"] == "v3"


async def test_wraps_an_application(start_service: StartService) -> None:
    """A wrapped application runs with its lifespan, limited, behind our own paths."""
    service = await start_service(
        SERVICE_APP="tests.service.apps:make_app()", FLY_APP_NAME="demo", DRAIN_MILLISECONDS="0"
    )
    state = await service.client.get("/state", headers={"Fly-Client-IP": "192.0.2.9"})
    stream = await service.client.get("/stream")
    probe = await service.client.get("/_flygate/probe")
    code = await service.stop()

    assert state.json() == {"seen": ["started"], "client": "192.0.2.9"}
    assert "ratelimit" in state.headers
    assert stream.text.splitlines() == [f"{number:03d}" for number in range(50)]
    assert probe.status_code == 204
    assert code == 0
    assert service.events("wrapped application stopped")


async def test_wraps_an_application_without_lifespan(start_service: StartService) -> None:
    """An application that knows nothing but HTTP is served, too."""
    service = await start_service(SERVICE_APP="tests.service.apps:bare")

    assert (await service.client.get("/anything")).text == "bare"
    assert (await service.client.get("/readyz")).status_code == 200


async def test_websockets(start_service: StartService) -> None:
    """A WebSocket of a wrapped application works, and its handshake is limited."""
    service = await start_service(
        SERVICE_APP="tests.service.apps:make_app()", RATE_LIMIT_RPM="1", RATE_LIMIT_BURST="1"
    )
    url = f"ws://127.0.0.1:{service.port}/talk"
    async with connect(url) as socket:
        hello = await socket.recv()
    with pytest.raises(InvalidStatus) as refused:
        await connect(url).__aenter__()

    assert hello == "hello"
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["retry-after"] == "60"


async def test_drains_at_sigterm(start_service: StartService) -> None:
    """SIGTERM: not ready at once, what is in flight is answered, and the exit code is 0."""
    service = await start_service(
        SERVICE_APP="tests.service.apps:make_app()", DRAIN_MILLISECONDS="800"
    )
    slow = asyncio.create_task(service.client.get("/slow"))
    await service.wait_for_event("slow request began")
    service.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(5):
        while (  # noqa: ASYNC110 - what we wait for is in another process
            ready := await service.client.get("/readyz")
        ).status_code == 200:
            await asyncio.sleep(0.01)

    assert ready.status_code == 503
    assert ready.json() == {"status": "draining"}
    assert (await slow).text == "done"
    assert await service.finish() == 0
    assert service.events("stopped")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RATE_LIMIT_RPM", "many"),
        ("SERVICE_APP", "no_such_package:app"),
        ("SERVICE_APP", "tests.service.apps:nothing"),
        ("SERVICE_APP", "tests.service.apps"),
    ],
)
async def test_bad_configuration(variable: str, value: str) -> None:
    """A bad variable stops the start with code 78 and one line that names it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "flygate_service",
        env={"PATH": os.environ["PATH"], "HOST": "127.0.0.1", variable: value},
        stderr=asyncio.subprocess.PIPE,
    )
    _, error = await process.communicate()

    assert process.returncode == 78
    assert error.decode().startswith(f"service: {variable}: found {value!r}; allowed: ")
    assert error.count(b"\n") == 1


async def test_a_taken_port_is_named(start_service: StartService) -> None:
    """A port that is taken ends the start with a line, not a traceback."""
    service = await start_service()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "flygate_service",
        env={"PATH": os.environ["PATH"], "HOST": "127.0.0.1", "PORT": str(service.port)},
        stderr=asyncio.subprocess.PIPE,
    )
    _, error = await process.communicate()

    assert process.returncode == 1
    assert error.decode().startswith("service: cannot listen: ")


async def test_logs_are_json(start_service: StartService) -> None:
    """Every line of the log is an object with a level and a time."""
    service = await start_service(DRAIN_MILLISECONDS="0")
    await service.stop()

    assert {"listening", "stopped"} <= {line["event"] for line in service.lines}
    assert all({"level", "timestamp"} <= line.keys() for line in service.lines)
    assert json.dumps(service.lines)
