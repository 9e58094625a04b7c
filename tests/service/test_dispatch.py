"""The one table of the service's own paths, and what follows from it."""

import httpx
import pytest
from flygate_service.app import Service, build_app
from flygate_service.settings import Settings
from flygate_wire.own_paths import OWN_PATHS, is_internal
from flygate_wire.signature import Signatures
from structlog.testing import CapturingLogger

from tests.support.asgi_socket import connect

KEY = "a key that only the tests have"
EVERYTHING = {
    "FLYGATE_KEY": KEY,
    "FLY_APP_NAME": "demo",
    "FLY_MACHINE_ID": "me",
    "FLYGATE_DNS": "127.0.0.1:9",
    "ADMIN_TOKEN": "a token that is long enough",
    "LOGIN_USERS": '{"ada@example.org": "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$KmWS3Q"}',
    "SERVICE_APP": "tests.service.apps:bare",
    "RATE_LIMIT_RPM": "1",
    "RATE_LIMIT_BURST": "2",
}


def service(**changes: str) -> Service:
    """A service with all that can be turned on."""
    return build_app(Settings.from_environment({**EVERYTHING, **changes}), CapturingLogger())


def client(app: Service, address: str = "127.0.0.1") -> httpx.AsyncClient:
    """What is in front of it, at an address."""
    transport = httpx.ASGITransport(app, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def test_the_table_and_the_routes_are_the_same() -> None:
    """No rule would hold for an own path that the table does not have."""
    app = service()
    served = {route.path for route in app.private.routes}
    async with client(app) as web:
        for path, own in OWN_PATHS.items():
            answer = await web.get(path, headers={"fly-client-ip": "192.0.2.1"})
            assert (answer.text != "bare") == (own.is_public or is_internal(path)), path

    assert served == {path for path, own in OWN_PATHS.items() if own.is_private}


@pytest.mark.parametrize(
    "path", ["/_flygate", "/_flygate/", "/_flygate/x", "/_flygate/metrics", "/_flygate/admin"]
)
async def test_what_is_below_ours_and_unknown_is_nobodys(path: str) -> None:
    """The application never sees it, by HTTP or by a WebSocket; and it is limited like all else."""
    app = service(RATE_LIMIT_BURST="2")
    async with client(app) as web:
        answers = [await web.get(path) for _ in range(3)]
    async with connect(app, path) as socket:
        assert (await socket.next())["type"] == "websocket.close"

    assert [answer.status_code for answer in answers] == [404, 404, 429]


async def test_exempt_means_http() -> None:
    """A WebSocket at the path of a check is limited like any other."""
    app = service(SERVICE_APP="tests.service.apps:make_app()")
    async with client(app) as web:
        assert {(await web.get("/health")).status_code for _ in range(9)} == {200}
    first = [await first_message(app, path) for path in ("/health", "/readyz", "/health")]

    assert first[2] == ("websocket.http.response.start", 429)
    assert 429 not in {status for _, status in first[:2]}


async def first_message(app: Service, path: str) -> tuple[str, int | None]:
    """How a handshake is answered."""
    async with connect(app, path) as socket:
        message = await socket.next()
    return message["type"], message.get("status")


async def test_copies_are_not_refused_by_the_limits_of_their_machine() -> None:
    """Machines tell each other every second, at whatever rate clients may ask."""
    app = service()
    path = "/_flygate/cluster/copies"
    async with client(app, "fdaa::1") as web:
        for _ in range(9):
            fields = Signatures(KEY).fields("POST", path, b"news")
            assert (await web.post(path, content=b"news", headers=fields)).status_code == 204
        assert (await web.get("/")).status_code == 200


async def test_a_machine_of_a_former_release_is_heard_past_the_proxy_only() -> None:
    """It signs its bodies and does not send their digest; from the internet that is nothing."""
    app = service()
    path = "/_flygate/cluster/buckets"
    async with client(app, "fdaa::1") as inside, client(app) as outside:
        signed = {"flygate-signature": Signatures(KEY).sign("POST", path, b"news")}
        heard = await inside.post(path, content=b"news", headers=signed)
        wrong = await inside.post(path, content=b"other", headers=signed)
        proxied = {**signed, "fly-client-ip": "192.0.2.1"}
        refused = await outside.post(path, content=b"news", headers=proxied)

    assert (heard.status_code, wrong.status_code, refused.status_code) == (204, 401, 404)


async def test_who_comes_past_the_proxy_names_no_client() -> None:
    """On the private network any client can write what Fly Proxy says; its own address counts."""
    app = service(FLYGATE_KEY="")
    async with client(app, "fdaa:0:1:a7b::2") as inside, client(app) as proxied:
        named = [{"fly-client-ip": f"192.0.2.{number}"} for number in range(6)]
        answers = [(await inside.get("/", headers=name)).status_code for name in named]
        victim = await proxied.get("/", headers=named[0])

    assert answers == [200, 200, 429, 429, 429, 429]
    assert victim.status_code == 200


async def test_another_proxy_is_believed_if_it_is_named() -> None:
    """And only it."""
    app = service(FLYGATE_KEY="", SERVICE_PROXY_PEERS="fdaa:0:1::/48")
    async with client(app, "fdaa:0:1:a7b::2") as one, client(app, "172.16.0.1") as other:
        named = [{"fly-client-ip": f"192.0.2.{number}"} for number in range(6)]
        believed = {(await one.get("/", headers=name)).status_code for name in named}
        not_believed = {(await other.get("/", headers=name)).status_code for name in named}

    assert (believed, not_believed) == ({200}, {200, 429})
