"""What one machine of several does with a request that came through Fly's proxy."""

import asyncio
from typing import Any

import httpx
import pytest
from flygate_service.app import Service, build_app
from flygate_service.cluster.handoff import Handoff
from flygate_service.cluster.members import Members, Status, Welcome
from flygate_service.cluster.peers import Peers
from flygate_service.cluster.ring import Member
from flygate_service.settings import SettingError, Settings
from flygate_wire.share_order import SignedShareOrders
from flygate_wire.signature import Signatures
from structlog.testing import CapturingLogger

from tests.support.asgi_lifespan import started
from tests.support.asgi_socket import connect

KEY = "a key that only the tests have"
ENVIRONMENT = {
    "RATE_LIMIT_AFFINITY": "on",
    "FLYGATE_KEY": KEY,
    "FLY_APP_NAME": "demo",
    "FLY_MACHINE_ID": "me",
    "FLY_REGION": "iad",
    "FLYGATE_DNS": "127.0.0.1:9",
    "RATE_LIMIT_RPM": "4",
    "RATE_LIMIT_BURST": "4",
}
MINE, THEIRS = "mine", "theirs"
PEER = {"status": Status(admitted=True)}


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A client of this machine, and one of another; two machines there are, which agree."""

    class Pair(Members):
        """Does not ask the DNS."""

        def __init__(self, *parts: Any) -> None:
            super().__init__(*parts)
            self._known = {Member("other", "iad"): PEER["status"]}
            self.enter()
            rings.append(self.ring)

        async def refresh(self, welcome: Welcome | None = None) -> bool:
            """Nothing is new."""
            return True

    rings: list[Any] = []
    monkeypatch.setattr("flygate_service.wiring.cluster.Members", Pair)
    service()
    owners = {f"192.0.2.{n}": rings[0].owner(f"192.0.2.{n}").id for n in range(1, 99)}
    return {
        MINE: next(address for address, owner in owners.items() if owner == "me"),
        THEIRS: next(address for address, owner in owners.items() if owner == "other"),
    }


def service(**changes: str) -> Service:
    """A service with a quota that is soon used up."""
    return build_app(Settings.from_environment({**ENVIRONMENT, **changes}), CapturingLogger())


def web(app: Any) -> httpx.AsyncClient:
    """What is in front of the service."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def statuses(
    app: Service, address: str, count: int, path: str = "/", **headers: str
) -> list[int]:
    """The answers to a client's requests."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with web(app) as asking:
        sent = {"fly-client-ip": address, **named}
        return [(await asking.get(path, headers=sent)).status_code for _ in range(count)]


async def test_another_machines_client_is_sent_there(addresses: dict[str, str]) -> None:
    """The proxy gets an order, the application nothing, and no bucket is charged."""
    app = service()
    async with web(app) as asking:
        for _ in range(9):
            answer = await asking.get("/", headers={"fly-client-ip": addresses[THEIRS]})

            assert answer.headers["fly-replay"] == "prefer_instance=other"
            assert answer.content == b""


async def test_without_affinity_it_follows_those_who_have_it(addresses: dict[str, str]) -> None:
    """While a machine of another phase keeps its own buckets, no client has two machines."""
    app = service(RATE_LIMIT_AFFINITY="off", RATE_LIMIT_BURST="1", RATE_LIMIT_RPM="1")

    assert await statuses(app, addresses[MINE], 2) == [200, 429]
    assert await statuses(app, addresses[THEIRS], 2) == [409, 409]


async def test_where_no_machine_has_affinity_all_are_served(
    addresses: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each machine, with its own limits."""
    monkeypatch.setitem(PEER, "status", Status(admitted=True, affinity=False))
    app = service(RATE_LIMIT_AFFINITY="off", RATE_LIMIT_BURST="1", RATE_LIMIT_RPM="1")

    assert await statuses(app, addresses[THEIRS], 2) == [200, 429]


async def test_without_redis_the_members_share_the_quota(
    addresses: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as there are, whatever was said when they were made."""
    monkeypatch.setitem(PEER, "status", Status(admitted=True, affinity=False, store="redis"))
    redis = {"RATE_LIMIT_STORAGE": "redis", "REDIS_URL": "redis://127.0.0.1:9"}
    app = service(RATE_LIMIT_AFFINITY="off", RATE_LIMIT_MACHINES="4", **redis)

    assert await statuses(app, addresses[MINE], 3) == [200, 200, 429]


async def test_its_own_client_is_served_and_marked(addresses: dict[str, str]) -> None:
    """The cookie is set once, says nothing, and is set again for one that brings another."""
    async with web(service()) as asking:
        sent = {"fly-client-ip": addresses[MINE], "x-forwarded-proto": "https"}
        first = await asking.get("/", headers=sent)
        cookie = first.headers["set-cookie"]
        value = cookie.partition(";")[0]
        second = await asking.get("/", headers={**sent, "cookie": f"a=b; {value}"})
        third = await asking.get("/", headers={**sent, "cookie": "flygate_affinity=stolen"})

    assert first.status_code == 200
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")
    assert addresses[MINE] not in cookie
    assert "set-cookie" not in second.headers
    assert third.headers["set-cookie"] == cookie


@pytest.mark.parametrize(
    "headers",
    [
        {"fly-replay-src": "instance=other"},
        {"fly-preferred-instance-unavailable": "other"},
        {"fly-replay-failed": "instance=other;reason=timeout"},
        {"fly-force-instance-id": "me"},
        {"transfer-encoding": "chunked"},
        {"content-length": "2000000"},
    ],
)
async def test_who_is_served_by_a_stranger_gets_a_share(
    addresses: dict[str, str], headers: dict[str, str]
) -> None:
    """Half of the quota on each of two machines: no header gets a client more than all of it."""
    app = service(SERVICE_MAX_BODY_BYTES="2000000")

    assert await statuses(app, addresses[THEIRS], 3, **headers) == [200, 200, 429]


@pytest.mark.parametrize(
    "headers", [{"fly-force-instance-id": "me"}, {"transfer-encoding": "chunked"}]
)
async def test_who_asks_every_machine_gets_one_quota_in_all(
    addresses: dict[str, str], headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine that serves it charges the owner's buckets, and says what they say."""
    owner = service(FLY_MACHINE_ID="other")

    class Wired(Peers):
        """Reaches the owner's private listener, and no other."""

        def __init__(self, *parts: Any) -> None:
            super().__init__(*parts)
            self._client = httpx.AsyncClient(transport=httpx.ASGITransport(owner.private))

        async def _address(self, member: Member) -> str:
            return "127.0.0.1"

    monkeypatch.setattr("flygate_service.wiring.cluster.Peers", Wired)
    app = service()
    served = []
    for _ in range(6):
        served += await statuses(app, addresses[THEIRS], 1, **headers)
        served += await statuses(owner, addresses[THEIRS], 1)

    assert served == [200] * 4 + [429] * 8
    labels = {"outcome": "answered"}
    assert app.telemetry.registry.get_sample_value("flygate_affinity_asked_total", labels) == 6


async def test_a_client_that_is_denied_here_is_not_sent_on(addresses: dict[str, str]) -> None:
    """An attack that this machine can tell costs the other ones nothing."""
    app = service()
    await statuses(app, addresses[THEIRS], 3, fly_replay_failed="instance=other")
    await statuses(app, addresses[THEIRS], 9, fly_replay_failed="instance=other")
    denied = await statuses(app, addresses[THEIRS], 1)

    assert denied == [429]


async def test_checks_are_answered_by_any_machine(addresses: dict[str, str]) -> None:
    """So is a rollout's probe, which asks this machine and has a bucket of its own."""
    app = service()
    signed = {"flygate-signature": Signatures(KEY).sign("GET", "/_flygate/probe")}

    assert await statuses(app, addresses[THEIRS], 1, "/health") == [200]
    assert await statuses(app, addresses[THEIRS], 5, "/_flygate/probe", **signed) == [204] * 4 + [
        429
    ]


@pytest.mark.parametrize("path", ["/_flygate/probe", "/_flygate/admin/policies", "/_flygate/x"])
async def test_an_own_path_gives_no_client_another_quota(
    addresses: dict[str, str], path: str
) -> None:
    """Each client has one machine for those, too; what is exempt is signed, or a check."""
    app = service(ADMIN_TOKEN="a token that is long enough")

    assert await statuses(app, addresses[THEIRS], 3, path) == [409] * 3
    assert (await statuses(app, addresses[MINE], 5, path))[-1] == 429


async def test_who_comes_past_the_proxy_is_served(addresses: dict[str, str]) -> None:
    """No proxy could follow the replay."""
    async with web(service()) as asking:
        assert (await asking.get("/")).status_code == 200


async def test_logins_get_a_share_too(addresses: dict[str, str]) -> None:
    """No client has all attempts on each machine by naming one after the other."""
    users = '{"ada@example.org": "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$KmWS3Q"}'
    app = service(LOGIN_USERS=users, LOGIN_MAX_ATTEMPTS="4", RATE_LIMIT_BURST="99")
    sent = {"fly-client-ip": addresses[THEIRS], "fly-force-instance-id": "me"}
    body = {"username": "ada@example.org", "password": "wrong"}
    async with web(app) as asking:
        for _ in range(3):
            await asking.post("/auth/login", json=body, headers=sent)

    counted = app.telemetry.registry.get_sample_value
    assert counted("flygate_login_attempts_total", {"outcome": "wrong"}) == 2
    assert counted("flygate_login_attempts_total", {"outcome": "locked"}) == 1


@pytest.mark.parametrize("with_answers", [True, False])
async def test_a_handshake_is_sent_on_or_shared(
    addresses: dict[str, str], with_answers: bool
) -> None:
    """An order to replay is an answer to the handshake; where there can be none, it is served."""
    app = service(SERVICE_APP="tests.service.apps:make_app()")
    headers = [(b"fly-client-ip", addresses[THEIRS].encode())]
    async with connect(app, "/talk", with_answers=with_answers, headers=headers) as socket:
        message = await socket.next()

    if with_answers:
        assert message["type"] == "websocket.http.response.start"
        assert (b"fly-replay", b"prefer_instance=other") in message["headers"]
    else:
        assert message["type"] == "websocket.accept"


async def test_each_way_is_counted(addresses: dict[str, str]) -> None:
    """An operator sees how many were sent on, and why a client got a share."""
    app = service()
    await statuses(app, addresses[MINE], 2)
    await statuses(app, addresses[MINE], 1, fly_replay_src="instance=other")
    await statuses(app, addresses[THEIRS], 1)
    await statuses(app, addresses[THEIRS], 1, fly_replay_src="instance=other")

    def counted(way: str, reason: str) -> float | None:
        labels = {"way": way, "reason": reason}
        return app.telemetry.registry.get_sample_value("flygate_affinity_requests_total", labels)

    assert counted("here", "owner") == 2
    assert counted("here", "arrived") == 1
    assert counted("replayed", "") == 1
    assert counted("fair_share", "disagreement") == 1


async def test_machines_answer_each_other_only(addresses: dict[str, str]) -> None:
    """Without the key no one learns or changes anything; nor with another body than the signed."""
    signatures = Signatures(KEY)
    path = "/_flygate/cluster/buckets"
    async with web(service()) as asking:
        right = {"flygate-signature": signatures.sign("POST", path, b"body")}
        assert (await asking.post(path, content=b"body", headers=right)).status_code == 204
        assert (await asking.post(path, content=b"another", headers=right)).status_code == 401
        assert (await asking.get(path, headers=right)).status_code == 401
        assert (await asking.get("/_flygate/cluster")).status_code == 401
        outside = {"flygate-signature": signatures.sign("GET", path), "fly-client-ip": "192.0.2.1"}
        assert (await asking.get(path, headers=outside)).status_code == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"FLYGATE_KEY": ""},
        {"FLY_MACHINE_ID": ""},
        {"RATE_LIMIT_ALGORITHM": "sliding_window"},
        {"RATE_LIMIT_AFFINITY": "yes"},
    ],
)
def test_a_setting_that_can_not_be_is_refused(changes: dict[str, str]) -> None:
    """With one line that says what is allowed."""
    with pytest.raises(SettingError, match=r"RATE_LIMIT_AFFINITY: found .*; allowed: off"):
        Settings.from_environment({**ENVIRONMENT, **changes})


def test_a_name_server_is_an_address_and_a_port() -> None:
    """Anything else stops the start."""
    with pytest.raises(SettingError, match="FLYGATE_DNS: found 'nowhere'"):
        Settings.from_environment({**ENVIRONMENT, "FLYGATE_DNS": "nowhere"})


ORDER = "/_flygate/cluster/order"


async def order(app: Service, text: str, key: str = KEY, **headers: str) -> tuple[int, Any]:
    """What a machine answers to an order of the rollout engine."""
    async with web(app) as asking:
        signed = Signatures(key).fields("POST", ORDER, text.encode())
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await asking.post(ORDER, content=text, headers={**signed, **named})
    return answer.status_code, answer.json()


async def test_an_order_to_share_clients_is_followed(addresses: dict[str, str]) -> None:
    """From the next request on; the machine says which order it follows, and whom it knows."""
    app, orders = service(), SignedShareOrders(KEY, "demo")
    assert await statuses(app, addresses[MINE], 1) == [200]

    state = await order(app, orders.write(3, 100, ["other"], ["me"]))

    assert state == (200, {"version": 3, "members": ["me", "other"]})
    async with web(app) as asking:
        answer = await asking.get("/", headers={"fly-client-ip": addresses[MINE]})
    assert answer.headers["fly-replay"] == "prefer_instance=other"
    assert (await order(app, orders.write(4, 0, ["other"], ["me"])))[0] == 200
    assert await statuses(app, addresses[THEIRS], 1) == [200]


async def test_an_order_that_is_old_or_strange_is_refused(addresses: dict[str, str]) -> None:
    """Said twice it is fine; an older one, an unsigned one and another key's change nothing."""
    app, orders = service(), SignedShareOrders(KEY, "demo")
    newest = orders.write(3, 0, ["other"], ["me"])

    assert (await order(app, newest))[0] == 200
    assert (await order(app, newest))[0] == 200
    assert (await order(app, orders.write(2, 100, ["other"], ["me"])))[0] == 409
    assert (await order(app, orders.write(3, 100, ["other"], ["me"])))[0] == 409
    assert (await order(app, orders.write(9, 100, ["other"], ["me"]), key="another"))[0] == 401
    assert (
        await order(app, SignedShareOrders("another", "demo").write(9, 100, ["other"], ["me"]))
    )[0] == 400
    assert (await order(app, SignedShareOrders(KEY, "another").write(9, 100, ["other"], ["me"])))[
        0
    ] == 400
    assert (await order(app, "x" * 20_000))[0] == 413
    assert await statuses(app, addresses[THEIRS], 1) == [200]


async def test_the_engine_is_never_refused_and_its_way_is_that_of_all(
    addresses: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No limit stands before an order; a machine that gets one by the proxy serves."""
    app, orders = service(RATE_LIMIT_BURST="1"), SignedShareOrders(KEY, "demo")
    assert "admitted" not in await gossip(app)

    monkeypatch.setattr(Handoff, "seconds", 0.1)
    async with started(app), asyncio.timeout(5):
        for version in range(1, 9):
            text = orders.write(version, 0, ["other"], ["me"])
            assert (await order(app, text, fly_client_ip="192.0.2.1"))[0] == 200

        while "admitted" not in await gossip(app):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def gossip(app: Service) -> set[str]:
    """What a machine says of itself to the others, as far as it is so."""
    async with web(app) as asking:
        signed = {"flygate-signature": Signatures(KEY).sign("GET", "/_flygate/cluster")}
        found = (await asking.get("/_flygate/cluster", headers=signed)).json()
    return {name for name, value in found.items() if value}
