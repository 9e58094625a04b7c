"""The proxy, as clients and machines see it (docs/fly-api.md 6.3, 6.5, 6.6)."""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest
from localfly.proxy.exchange import Exchange
from localfly.proxy.leg import Leg
from localfly.proxy.search import Search

from tests.support.localfly import Machines

pytestmark = pytest.mark.integration


def limited(machines: Machines, soft: int, hard: int) -> dict[str, object]:
    config = machines.config()
    config["services"][0]["concurrency"] = {
        "type": "requests",
        "soft_limit": soft,
        "hard_limit": hard,
    }
    return config


async def raw(machines: Machines, request: bytes) -> bytes:
    """Everything that the proxy sends back to these bytes until it closes."""
    port = httpx.URL(machines.fly.proxy_url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


async def test_request_headers(machines: Machines) -> None:
    """The machine learns the real peer, whatever the client claims; the rest is as on Fly."""
    await machines.serving()
    answer = await machines.ask(
        "/headers",
        fly_client_ip="6.6.6.6",
        x_forwarded_for="1.2.3.4",
        x_forwarded_proto="https",
        via="1.0 before",
        fly_replay_src="instance=forged",
        connection="x-secret-hop",
        x_secret_hop="1",
    )
    seen = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert seen["fly-client-ip"] == "127.0.0.1"
    assert seen["x-forwarded-for"] == "1.2.3.4, 127.0.0.1, 127.0.0.1"
    assert seen["x-forwarded-proto"] == "http"
    assert seen["x-forwarded-ssl"] == "off"
    assert seen["fly-region"] == "iad"
    assert seen["via"] == "1.0 before, 1.1 fly.io"
    assert seen["host"] == "demo.localhost"
    assert "fly-replay-src" not in seen
    assert "x-secret-hop" not in seen
    assert seen["fly-request-id"] == answer.headers["fly-request-id"]


async def test_the_clients_address_is_the_peer(machines: Machines) -> None:
    """Clients on other loopback addresses are other clients."""
    await machines.serving()
    transport = httpx.AsyncHTTPTransport(local_address="127.0.0.77")
    async with httpx.AsyncClient(transport=transport) as client:
        answer = await client.get(
            f"{machines.fly.proxy_url}/headers", headers={"host": "demo.localhost"}
        )
    assert "fly-client-ip: 127.0.0.77" in answer.text


async def test_response_headers(machines: Machines) -> None:
    """Server, Via and request id are the proxy's."""
    await machines.serving()
    answer = await machines.ask()
    assert answer.headers["server"].startswith("Fly/")
    assert answer.headers["via"] == "1.1 fly.io"
    assert answer.headers["fly-request-id"].endswith("-iad")


@pytest.mark.parametrize("host", ["demo.localhost:4290", "demo.fly.dev", "DEMO.localhost"])
async def test_the_host_names_the_app(machines: Machines, host: str) -> None:
    """With or without a port, in either form."""
    machine = await machines.serving()
    answer = await machines.proxy.get("/", headers={"host": host})
    assert answer.text == machine["id"]


async def test_unknown_hosts(machines: Machines) -> None:
    """The answers to an unknown host name, and for an app without machines."""
    assert (await machines.proxy.get("/", headers={"host": "example.com"})).status_code == 404
    answer = await machines.ask()
    assert answer.status_code == 503
    assert answer.text.startswith("[PR01]")


async def test_force_and_prefer(machines: Machines) -> None:
    """Forced requests reach that machine or none; preferred ones fall back, with a header."""
    one, two = await machines.serving(), await machines.serving()
    for machine in (one, two, one):
        answer = await machines.ask(fly_force_instance_id=machine["id"])
        assert answer.text == machine["id"]
        answer = await machines.ask(fly_prefer_instance_id=machine["id"])
        assert answer.text == machine["id"]
    assert (await machines.ask(fly_force_instance_id="00000000000000")).status_code == 503
    answer = await machines.ask("/headers", fly_prefer_instance_id="00000000000000")
    assert "fly-preferred-instance-unavailable: 00000000000000" in answer.text


async def test_a_cordoned_machine_gets_nothing(machines: Machines) -> None:
    """Not even by name, until it is uncordoned."""
    machine = await machines.serving(skip_service_registration=True)
    assert machine["cordoned"] is True
    assert (await machines.ask()).status_code == 503
    assert (await machines.ask(fly_force_instance_id=machine["id"])).status_code == 503
    await machines.post(machine["id"], "uncordon")
    assert (await machines.ask()).text == machine["id"]
    await machines.post(machine["id"], "cordon")
    assert (await machines.ask()).status_code == 503


async def test_a_failing_check_takes_a_machine_out(machines: Machines) -> None:
    """The others go on alone."""
    sick, well = await machines.serving(), await machines.serving()
    await machines.ask("/sick", fly_force_instance_id=sick["id"])
    await machines.until(sick["id"], lambda m: m["checks"][0]["status"] == "critical")
    answers = {(await machines.ask()).text for _ in range(10)}
    assert answers == {well["id"]}


async def test_load_goes_to_the_machine_below_its_soft_limit(machines: Machines) -> None:
    """While one machine is above its soft limit, new requests go to the other."""
    config = limited(machines, soft=1, hard=10)
    busy, free = await machines.serving(config=config), await machines.serving(config=config)
    slow = asyncio.create_task(machines.ask("/slow?1", fly_force_instance_id=busy["id"]))
    await machines.said(busy["id"], "slow begins")
    answers = [(await machines.ask()).text for _ in range(8)]
    assert answers == [free["id"]] * 8
    await slow


async def test_requests_spread(machines: Machines) -> None:
    """Equally loaded machines share the requests."""
    ids = {(await machines.serving())["id"] for _ in range(2)}
    counts = Counter([(await machines.ask()).text for _ in range(60)])
    assert set(counts) == ids
    assert min(counts.values()) > 10


async def test_at_the_hard_limit_requests_wait_for_their_turn(machines: Machines) -> None:
    """No request is refused, and the machine never has more than its limit."""
    await machines.serving(config=limited(machines, soft=1, hard=2))
    began = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*(machines.ask("/slow?0.2") for _ in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert asyncio.get_running_loop().time() - began > 0.55


async def test_waiting_ends_with_503(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that waits too long at the hard limit gets an error."""
    monkeypatch.setattr("localfly.proxy.search._QUEUE_SECONDS", 0.2)
    machine = await machines.serving(config=limited(machines, soft=1, hard=1))
    slow = asyncio.create_task(machines.ask("/slow?1"))
    await machines.said(machine["id"], "slow begins")
    refused = await machines.ask()
    assert refused.status_code == 503
    assert "hard limit" in refused.text
    assert (await slow).status_code == 200


async def test_a_refused_connection_is_tried_elsewhere(machines: Machines) -> None:
    """Even a POST: nothing of it was sent. Without another machine, it is 502 with Fly's code."""
    config = machines.config()
    del config["services"][0]["checks"]
    config["init"] = {"exec": ["python", "-c", "import time; time.sleep(60)"]}
    await machines.wait((await machines.create(config=config))["id"], "started")
    alone = await machines.ask()
    assert alone.status_code == 502
    assert alone.text.startswith("[PC01]")
    good = await machines.serving()
    for _ in range(10):
        answer = await machines.proxy.post("/", headers={"host": "demo.localhost"}, content=b"x")
        assert answer.text == good["id"]


async def test_answers_stream(machines: Machines) -> None:
    """The first part is with the client while the last is not written yet."""
    await machines.serving()
    loop, stamps = asyncio.get_running_loop(), []
    async with machines.proxy.stream(
        "GET", "/stream", headers={"host": "demo.localhost"}
    ) as answer:
        text = ""
        async for piece in answer.aiter_text():
            stamps.append(loop.time())
            text += piece
    assert text == "".join(f"part {n}" for n in range(5))
    assert stamps[-1] - stamps[0] > 0.3


async def test_large_bodies_pass_in_both_framings(machines: Machines) -> None:
    """By length and in chunks, far above every buffer."""
    await machines.serving()
    size = 5 * 1024 * 1024
    headers = {"host": "demo.localhost"}
    answer = await machines.proxy.post("/size", headers=headers, content=b"x" * size)
    assert answer.text == str(size)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield b"x" * 65536

    answer = await machines.proxy.post("/size", headers=headers, content=chunks())
    assert answer.text == str(size)


async def test_unusual_answers(machines: Machines) -> None:
    """HEAD, a body that ends with its connection, and one that ends too early."""
    await machines.serving()
    headers = {"host": "demo.localhost"}
    for _ in range(2):
        head = await machines.proxy.head("/", headers=headers)
        assert head.status_code == 200
        assert head.headers["content-length"] == "14"
    assert (await machines.ask("/until-close")).text == "to the end"
    with pytest.raises(httpx.RemoteProtocolError):
        await machines.ask("/half")
    assert (await machines.ask()).status_code == 200


async def test_pipelined_requests_are_answered_in_order(machines: Machines) -> None:
    """A client may send several requests at once."""
    machine = await machines.serving()
    request = b"GET /slow?0.1 HTTP/1.1\r\nhost: demo.localhost\r\n\r\n"
    request += b"GET /env?FLY_APP_NAME HTTP/1.1\r\nhost: demo.localhost\r\n\r\n"
    request += b"GET / HTTP/1.1\r\nhost: demo.localhost\r\nconnection: close\r\n\r\n"
    answer = (await raw(machines, request)).decode()
    assert answer.count("HTTP/1.1 200 OK") == 3
    bodies = [part.partition("\r\n\r\n")[2] for part in answer.split("HTTP/1.1 200 OK")[1:]]
    assert bodies == [machine["id"], "demo", machine["id"]]


async def test_old_and_broken_clients(machines: Machines) -> None:
    """HTTP/1.0 gets no chunks; nonsense and giant heads are refused."""
    await machines.serving()
    old = await raw(machines, b"GET /stream HTTP/1.0\r\nhost: demo.localhost\r\n\r\n")
    assert old.endswith(b"\r\n\r\npart 0part 1part 2part 3part 4")
    assert (await raw(machines, b"nonsense\r\n\r\n")).startswith(b"HTTP/1.1 400")
    giant = b"GET / HTTP/1.1\r\nhost: demo.localhost\r\nx: " + b"a" * 70_000 + b"\r\n\r\n"
    assert (await raw(machines, giant)).startswith(b"HTTP/1.1 431")
    both = b"POST / HTTP/1.1\r\nhost: demo.localhost\r\ncontent-length: 3\r\n"
    both += b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    assert (await raw(machines, both)).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "named", ["content-length", "x, Content-Length", "keep-alive\r\nconnection: host"]
)
async def test_no_request_hides_in_another_one(machines: Machines, named: str) -> None:
    """`Connection` can't take the length away, so that a body would be read as a request."""
    await machines.serving()
    hidden = b"GET /env?FLY_APP_NAME HTTP/1.1\r\nhost: demo.localhost\r\n\r\n"
    request = b"POST /size HTTP/1.1\r\nhost: demo.localhost\r\n"
    request += f"connection: {named}\r\ncontent-length: {len(hidden)}\r\n\r\n".encode() + hidden
    request += b"GET /headers HTTP/1.1\r\nhost: demo.localhost\r\nconnection: close\r\n\r\n"
    answer = await raw(machines, request)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"\r\n\r\n%d" % len(hidden) in answer
    assert b"\r\n\r\ndemo" not in answer


async def test_expect_continue(machines: Machines) -> None:
    """A client that expects 100 Continue before its body gets it."""
    await machines.serving()
    port = httpx.URL(machines.fly.proxy_url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /size HTTP/1.1\r\nhost: demo.localhost\r\ncontent-length: 4\r\n")
    writer.write(b"expect: 100-continue\r\nconnection: close\r\n\r\n")
    async with asyncio.timeout(10):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"body")
        assert (await reader.read()).endswith(b"\r\n\r\n4")
    writer.close()


async def test_upgraded_connections_are_tunnels(machines: Machines) -> None:
    """After 101 bytes pass both ways as they are."""
    await machines.serving()
    port = httpx.URL(machines.fly.proxy_url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nhost: demo.localhost\r\n")
    writer.write(b"connection: upgrade\r\nupgrade: websocket\r\n\r\nearly")
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101")
        assert await reader.readexactly(5) == b"EARLY"
        writer.write(b"hello\x00")
        assert await reader.readexactly(6) == b"HELLO\x00"
    writer.close()


async def test_a_vanished_client_frees_its_place(machines: Machines) -> None:
    """A request whose client is gone no longer counts against the limit."""
    await machines.serving(config=limited(machines, soft=1, hard=1))
    with pytest.raises(httpx.ReadTimeout):
        await machines.proxy.get(
            "/slow?20", headers={"host": "demo.localhost"}, timeout=httpx.Timeout(0.2)
        )
    async with asyncio.timeout(5):
        assert (await machines.ask()).status_code == 200


async def test_swapping_machines_loses_no_request(machines: Machines) -> None:
    """Clients notice nothing of machines that come, stop, restart and go."""
    config = machines.config(env={"LINGER": "0.3"})
    old = await machines.serving(config=config)
    is_over, results = asyncio.Event(), Counter[str]()

    async def client(number: int) -> None:
        while not is_over.is_set():
            method = "POST" if number % 2 else "GET"
            answer = await machines.proxy.request(
                method, f"/slow?0.0{number}", headers={"host": "demo.localhost"}
            )
            results[f"{answer.status_code} {answer.text if answer.is_error else ''}"] += 1

    clients = [asyncio.create_task(client(number)) for number in range(8)]
    for _ in range(3):
        new = await machines.serving(config=config)
        await machines.post(old["id"], "stop")
        await machines.wait(old["id"], "stopped")
        await machines.api.delete(f"{machines.base}/{old['id']}")
        old = new
    second = await machines.serving(config=config)
    await machines.api.post(f"{machines.base}/{old['id']}", json={"config": config})
    await machines.until(old["id"], lambda m: m["state"] == "started")
    await machines.healthy(old["id"])
    await machines.api.delete(f"{machines.base}/{second['id']}?force=true")
    is_over.set()
    await asyncio.gather(*clients)
    assert set(results) == {"200 "}, results
    assert results["200 "] > 100


async def test_a_connection_that_was_closed_meanwhile_costs_no_request(
    machines: Machines,
) -> None:
    """What can be sent again is; a POST that may have been carried out is not."""
    machine = await machines.serving(config=machines.config(env={"ONE_ANSWER_EACH": "yes"}))
    for _ in range(3):
        assert (await machines.ask()).text == machine["id"]
    lost = await machines.proxy.post("/", headers={"host": "demo.localhost"}, content=b"x")
    assert lost.status_code == 502
    assert lost.text.startswith("[PC02]")


async def test_configured_response_headers_and_pristine_answers(machines: Machines) -> None:
    """`http_options.response` adds headers, or keeps the proxy's own away."""
    config = machines.config()
    options = {"response": {"headers": {"x-frame-options": "DENY"}, "pristine": True}}
    config["services"][0]["ports"][0]["http_options"] = options
    await machines.serving(config=config)
    answer = await machines.ask()
    assert answer.headers["x-frame-options"] == "DENY"
    assert not {"via", "server", "fly-request-id"} & set(answer.headers)


async def test_requests_leave_no_work_to_the_garbage_collector(machines: Machines) -> None:
    """What a request needed is gone with its answer, also if it was replayed or refused."""
    machine = await machines.serving()
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            await machines.ask()
            await machines.ask("/headers", x_replay=f"instance={machine['id']}")
            await machines.ask(fly_force_instance_id="00000000000000")
        left = [type(one) for one in gc.get_objects() if isinstance(one, Exchange | Search | Leg)]
    finally:
        gc.enable()
    assert len(left) < 6, Counter(left)
