"""What a client without the key can hold of a real service, and what it can't."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
import uvicorn
import websockets
from flygate_service.asgi.protocol import HEAD_SECONDS, LARGEST_HEAD, MOST_FIELDS, BoundedProtocol
from flygate_service.wiring.private import end_late
from flygate_wire.own_paths import OWN_PATHS
from flygate_wire.signature import Signatures
from uvicorn.server import ServerState

from tests.service.apps import bare
from tests.service.conftest import ServiceProcess, StartService

KEY = "a key that only the tests have"
MACHINE = {
    "FLYGATE_KEY": KEY,
    "FLY_APP_NAME": "demo",
    "FLY_MACHINE_ID": "me",
    "FLYGATE_DNS": "127.0.0.1:9",
    "RATE_LIMIT_AFFINITY": "on",
    "RATE_LIMIT_RPM": "60000",
    "RATE_LIMIT_BURST": "1000",
}
CLIENT = "fly-client-ip: 192.0.2.1"
ORDER = "/_flygate/cluster/order"

pytestmark = pytest.mark.integration


def forged(path: str) -> str:
    """A signature with the form and the time of a right one."""
    return f"flygate-signature: {Signatures('another').sign('POST', path, b'x')}"


@asynccontextmanager
async def connection(
    port: int, head: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which a head was sent, and nothing of the body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode())
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def post(path: str, *fields: str, length: int = 10_000) -> str:
    """The head of a request whose body does not come."""
    lines = [f"POST {path} HTTP/1.1", "host: test", f"content-length: {length}", *fields]
    return "\r\n".join([*lines, "", ""])


async def status(port: int, head: str) -> int:
    """The answer's status, though no byte of a body is sent."""
    async with connection(port, head) as (reader, _):
        line = await asyncio.wait_for(reader.readline(), 5)
    return int(line.split()[1])


async def test_who_has_no_key_is_refused_before_a_byte_of_his_body(
    start_service: StartService,
) -> None:
    """At every path of the engine, of machines and of operators, whatever he says of himself."""
    service = await start_service(ADMIN_TOKEN="a token that is long enough", **MACHINE)
    internal = [
        path for path, own in OWN_PATHS.items() if path.startswith("/_flygate") and own.is_public
    ]
    digest = f"flygate-digest: {'0' * 64}"

    for path in [*internal, "/_flygate/unknown"]:
        for fields in ([], [forged(path)], [forged(path), digest]):
            got = await status(service.port, post(path, CLIENT, *fields))
            assert got in (401, 404, 405, 413), (path, fields, got)


async def test_who_has_no_key_is_limited_there(start_service: StartService) -> None:
    """Nothing unsigned is exempt."""
    service = await start_service(**{**MACHINE, "RATE_LIMIT_BURST": "2", "RATE_LIMIT_RPM": "1"})

    answers = [await status(service.port, post(ORDER, CLIENT, forged(ORDER))) for _ in range(4)]

    assert answers == [401, 401, 429, 429]


async def test_what_is_signed_must_come_in_time(start_service: StartService) -> None:
    """Who repeats a signature gets a moment, and not the line."""
    service = await start_service(**MACHINE)
    fields = Signatures(KEY).fields("POST", ORDER, b"x" * 10)
    head = post(ORDER, CLIENT, *(f"{name}: {value}" for name, value in fields.items()), length=10)

    assert await status(service.port, head) == 408


async def test_one_client_holds_a_share_of_the_places(start_service: StartService) -> None:
    """Slow bodies of one leave room for others; what is above its share is refused at once."""
    service = await start_service(**MACHINE, SERVICE_MAX_REQUESTS_PER_CLIENT="3")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{service.port}") as web:
        async with held(service, 3):
            refused = await web.get("/", headers={"fly-client-ip": "192.0.2.1"})
            other = await web.get("/", headers={"fly-client-ip": "192.0.2.2"})

        async def is_served() -> bool:
            answer = await web.get("/", headers={"fly-client-ip": "192.0.2.1"})
            return answer.status_code == 200

        await until(is_served)

    assert (refused.status_code, other.status_code) == (429, 200)
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["retry-after"] == "1"


@asynccontextmanager
async def held(service: ServiceProcess, count: int) -> AsyncIterator[None]:
    """Requests whose bodies do not come, in the application."""
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(httpx.AsyncClient())
        for _ in range(count):
            await stack.enter_async_context(connection(service.port, post("/echo", CLIENT)))

        async def is_held() -> bool:
            url = f"http://127.0.0.1:{service.metrics_port}/metrics"
            return f"requests_in_flight {count}.0" in (await web.get(url)).text

        await until(is_held)
        yield


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(10):
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_slow_body_ends(start_service: StartService) -> None:
    """With 408, and the connection with it; the judge does not take it for the service's fault."""
    service = await start_service(**MACHINE, SERVICE_BODY_SECONDS="1")

    async with connection(service.port, post("/echo", CLIENT)) as (reader, _):
        answer = await asyncio.wait_for(reader.read(), 5)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in answer
    signed = Signatures(KEY).fields("GET", "/_flygate/statistics")
    found = (await service.client.get("/_flygate/statistics", headers=signed)).json()
    assert found["errors"] == 0


async def test_many_slow_clients_leave_places_for_others(start_service: StartService) -> None:
    """Of bodies that do not come a limited number is waited for; the first give their place.

    One that is there at once is no slow one.
    """
    service = await start_service(
        **MACHINE, SERVICE_MAX_REQUESTS="8", SERVICE_MAX_REQUESTS_PER_CLIENT="3"
    )
    async with AsyncExitStack() as stack:
        heads = [post("/echo", f"fly-client-ip: 192.0.2.{number}") for number in range(20)]
        slow = [await stack.enter_async_context(connection(service.port, one)) for one in heads]
        waiting = {asyncio.ensure_future(reader.readline()) for reader, _ in slow}
        answered: set[bytes] = set()
        async with asyncio.timeout(5):
            while len(waiting) > 6:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                answered |= {task.result()[:12] for task in done}
        fields = {"fly-client-ip": "198.51.100.1"}
        quick = [await service.client.post("/echo", content=b"x", headers=fields)]
        quick.append(await service.client.get("/", headers=fields))

    assert [answer.status_code for answer in quick] == [200, 200]
    assert answered - {b"HTTP/1.1 503"} == {b"HTTP/1.1 408"}
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_large_body_is_refused_by_what_it_says_and_by_what_comes(
    start_service: StartService,
) -> None:
    """The first without a byte of it; whole machines were lost to a single one."""
    service = await start_service(**MACHINE, SERVICE_MAX_BODY_BYTES="1000")

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1_000

    assert await status(service.port, post("/echo", CLIENT, length=400_000_000)) == 413
    chunked = await service.client.post("/echo", content=endless())
    fits = await service.client.post("/echo", content=b"x" * 1_000)
    assert chunked.status_code == 413
    assert chunked.headers["content-type"] == "application/problem+json"
    assert fits.json()["bytes"] == 1_000


async def test_a_head_has_a_size(start_service: StartService) -> None:
    """One that never ends is not collected; one within the bound is served, with its body."""
    service = await start_service(**MACHINE)
    large = f"x: {'y' * (LARGEST_HEAD // 2 - 200)}"

    assert await status(service.port, post("/", CLIENT, large, large, large)) == 431
    assert await status(service.port, post("/", *["x: y"] * (MOST_FIELDS + 1))) == 400
    answer = await service.client.post("/echo", content=b"z" * 100_000, headers={"x": "y" * 30_000})
    assert answer.json()["bytes"] == 100_000


async def test_a_head_has_a_time() -> None:
    """A connection on which a head has begun and does not end is closed."""

    async with (
        bounded_server() as (port, state),
        connection(port, "GET / HTTP/1.1\r\nhost:") as (reader, _),
    ):

        async def has_begun() -> bool:
            return any(getattr(one, "_begun", None) for one in state.connections)

        await until(has_begun)
        end_late(state, asyncio.get_running_loop().time() + HEAD_SECONDS + 1)

        assert await asyncio.wait_for(reader.read(), 5) == b""


@pytest.mark.parametrize("beside", ["1;x=", "1\r\nx\r\n0\r\nx: "])
async def test_what_stands_beside_a_body_has_a_size(beside: str) -> None:
    """Extensions of chunks and trailers are no body; they can't go on for ever either."""
    head = f"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{beside}"
    async with bounded_server() as (port, _), connection(port, head) as (_, writer):
        assert await taken(writer) < 1_000


async def taken(writer: asyncio.StreamWriter) -> int:
    """How many pieces a server takes before it ends the connection, of 1,000."""
    for number in range(1_000):
        try:
            writer.write(b"y" * LARGEST_HEAD)
            await writer.drain()
        except ConnectionError:
            return number
    return 1_000


@asynccontextmanager
async def bounded_server() -> AsyncIterator[tuple[int, ServerState]]:
    """A server in this process."""
    config, state = uvicorn.Config(bare, http=BoundedProtocol, lifespan="off"), ServerState()
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: BoundedProtocol(config, state, {}), host="127.0.0.1", port=0
    )
    try:
        yield server.sockets[0].getsockname()[1], state
    finally:
        server.close()


async def test_web_sockets_have_a_size_and_a_number(start_service: StartService) -> None:
    """A message above the bound ends its WebSocket; who has his share open gets no other."""
    app = "tests.service.apps:make_app()"
    service = await start_service(
        **MACHINE,
        SERVICE_APP=app,
        SERVICE_MAX_MESSAGE_BYTES="1000",
        SERVICE_MAX_REQUESTS_PER_CLIENT="2",
    )
    url = f"ws://127.0.0.1:{service.port}/echo"

    async with websockets.connect(url) as one, websockets.connect(url):
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(url)
        await one.recv()
        await one.send("x" * 1_001)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await one.recv()

    assert refused.value.response.status_code == 429
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_machines_talk_where_the_proxy_does_not_come(start_service: StartService) -> None:
    """The private listener shows them how this one is, and all callers its metrics."""
    service = await start_service(**MACHINE)
    signed = Signatures(KEY).fields("GET", "/_flygate/cluster")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{service.metrics_port}") as web:
        status = await web.get("/_flygate/cluster", headers=signed)
        unsigned = await web.get("/_flygate/cluster")
        misled = await web.get("/metrics", headers={"fly-client-ip": "192.0.2.1"})
        metrics = await web.get("/metrics")
        health = await web.get("/health")
        application = await web.get("/")

    assert json.loads(status.content)["draining"] is False
    assert (unsigned.status_code, misled.status_code, application.status_code) == (401, 404, 404)
    assert "flygate_limiter_decisions" in metrics.text
    assert health.json()["limiter"]["policies"]


@contextmanager
def silent(port: int, count: int) -> Iterator[None]:
    """Connections that say nothing."""
    open_ones = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    try:
        yield
    finally:
        for one in open_ones:
            one.close()


async def test_the_private_listener_is_not_held_by_connections(start_service: StartService) -> None:
    """It starts no thread for any, has a bounded number of them, and answers all the while."""
    service = await start_service(**MACHINE)
    threads = held_by(service, "task")

    with silent(service.metrics_port, 300):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{service.metrics_port}") as web:
            assert (await web.get("/metrics")).status_code == 200
        assert held_by(service, "task") == threads
        assert held_by(service, "fd") < 250


def held_by(service: ServiceProcess, what: str) -> int:
    """How many threads or files a process has, where the system says it."""
    folder = Path(f"/proc/{service.process.pid}/{what}")
    return len(list(folder.iterdir())) if folder.exists() else 0
