"""The admin API: for holders of the token only."""

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from flygate_service.app import build_app
from flygate_service.settings import SettingError, Settings
from structlog.testing import CapturingLogger

TOKEN = "a token for the tests only"
ADMIN = "/_flygate/admin"
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
USERS = json.dumps({"ada@example.org": HASHER.hash("correct horse")})


class Log(CapturingLogger):
    """A log whose lines can be read."""

    def of(self, event: str) -> list[dict[str, Any]]:
        """The fields of each line of an event."""
        return [call.kwargs for call in self.calls if call.args == (event,)]


def operator(log: Log | None = None, **environment: str) -> httpx.AsyncClient:
    """An operator's client of a service."""
    settings = Settings.from_environment(
        {"ADMIN_TOKEN": TOKEN, "RATE_LIMIT_RPM": "60", "RATE_LIMIT_BURST": "50", **environment}
    )
    transport = httpx.ASGITransport(build_app(settings, log or Log()), client=("192.0.2.1", 1))
    return httpx.AsyncClient(
        transport=transport, base_url="http://test", headers={"authorization": f"Bearer {TOKEN}"}
    )


async def test_needs_the_token() -> None:
    """No token or a wrong one gives 401; without a token in the settings there is no such path."""
    async with operator() as client:
        right = await client.get(f"{ADMIN}/policies")
        wrong = await client.get(f"{ADMIN}/policies", headers={"authorization": "Bearer x"})
        none = await client.get(f"{ADMIN}/policies", headers={"authorization": ""})
    async with operator(ADMIN_TOKEN="") as client:
        off = await client.get(f"{ADMIN}/policies")

    assert [right.status_code, wrong.status_code, none.status_code] == [200, 401, 401]
    assert off.status_code == 404
    assert right.json()["policies"][0]["name"] == "default"


async def test_peek_block_reset() -> None:
    """An operator sees a client's bucket, blocks it, and frees it; each act is in the log."""
    log = Log()
    bucket = {"policy": "default", "key": "192.0.2.1"}
    async with operator(log) as client:
        peeked = await client.get(f"{ADMIN}/bucket", params=bucket)
        blocked = await client.post(f"{ADMIN}/block", params={**bucket, "seconds": 600})
        refused = await client.get("/")
        other = httpx.ASGITransport(client._transport.app, client=("192.0.2.2", 1))  # type: ignore[attr-defined]
        async with httpx.AsyncClient(
            transport=other, base_url="http://test", headers=client.headers
        ) as elsewhere:
            reset = await elsewhere.request("DELETE", f"{ADMIN}/bucket", params=bucket)
        allowed = await client.get("/")

    assert peeked.json()["remaining"] == 49
    assert blocked.json()["remaining"] == 0
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "600"
    assert reset.json()["was_known"] is True
    assert allowed.status_code == 200
    acts = [(line["act"], line["by"]) for line in log.of("admin")]
    assert acts == [("peek", "192.0.2.1"), ("block", "192.0.2.1"), ("reset", "192.0.2.2")]


@pytest.mark.parametrize(
    ("method", "path", "params"),
    [
        ("GET", "/bucket", {}),
        ("GET", "/bucket", {"policy": "none", "key": "x"}),
        ("POST", "/block", {"policy": "default", "key": "x", "seconds": "soon"}),
        ("POST", "/block", {"policy": "default", "key": "x", "seconds": "99999999"}),
        ("POST", "/block", {"policy": "default", "key": "x", "seconds": "0000012000000"}),
        ("POST", "/block", {"policy": "default", "key": "x", "seconds": "9" * 5000}),
        ("POST", "/block", {"policy": "default", "key": "x", "seconds": "0" * 4999 + "1"}),
        ("POST", "/block", {"policy": "default", "key": "x", "seconds": "1e999"}),
        ("POST", "/block", {"policy": "default", "key": "x", "seconds": "\u0661"}),
        ("GET", "/bucket", {"policy": "default", "key": "x" * 5000}),
        ("GET", "/bucket", {"policy": "[" * 3000, "key": "x"}),
        ("POST", "/unlock", {"account": "ada"}),
    ],
)
async def test_mistakes(method: str, path: str, params: dict[str, str]) -> None:
    """A mistake is answered 400 with what is wrong."""
    async with operator() as client:
        answer = await client.request(method, f"{ADMIN}{path}", params=params)

    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_reload(tmp_path: Path) -> None:
    """The policies' file is read again; a mistake in it is reported."""
    file = tmp_path / "limits.toml"
    file.write_text("[[policy]]\nname = 'default'\nquota = '50/m'\n")
    async with operator(RATE_LIMIT_POLICIES=str(file)) as client:
        file.write_text("[[policy]]\nname = 'default'\nquota = '70/m'\n")
        good = await client.post(f"{ADMIN}/reload")
        policies = await client.get(f"{ADMIN}/policies")
        file.write_text("[[policy]]\n")
        bad = await client.post(f"{ADMIN}/reload")

    assert good.json() == {"version": 2}
    assert policies.json()["policies"][0]["quota"] == "70/m burst 70"
    assert bad.status_code == 400


def test_a_short_token_is_refused() -> None:
    """A token that can be guessed stops the start, and is not shown."""
    with pytest.raises(SettingError, match="ADMIN_TOKEN") as refused:
        Settings.from_environment({"ADMIN_TOKEN": "canary"})

    assert "canary" not in str(refused.value)


async def test_the_audit_line_hides_api_keys() -> None:
    """A bucket named after a key's value is logged by the header's name alone."""
    log = Log()
    async with operator(log) as client:
        await client.get(
            f"{ADMIN}/bucket", params={"policy": "default", "key": "x-api-key=canary-value"}
        )
    [line] = log.of("admin")
    assert line["on"]["key"] == "x-api-key=(hidden)"


async def test_the_audit_line_names_no_account() -> None:
    """It can be recognised by its digest, in a mistake, too, and not be read."""
    log = Log()
    name = "ada.canary@example.org"
    async with operator(log, LOGIN_USERS=USERS) as client:
        await client.post(f"{ADMIN}/unlock", params={"account": name, "address": "192.0.2.9"})
        await client.post(f"{ADMIN}/unlock", params={"account": name, "address": "nonsense"})
        await client.get(f"{ADMIN}/bucket", params={"policy": "default", "key": name, "x": name})

    lines = log.of("admin")
    assert len(lines) == 3
    assert "canary" not in str(lines)
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    assert lines[0]["on"] == {"address": "192.0.2.9", "account_sha256": digest}


@pytest.mark.parametrize(
    ("field", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"BEARER  {TOKEN}", 200),
        (TOKEN, 401),
        (f"Basic {TOKEN}", 401),
        (f"Bearer{TOKEN}", 401),
        ("Bearer ", 401),
        (f"Bearer {TOKEN}x", 401),
    ],
)
async def test_the_token_comes_as_rfc_9110_says(field: str, status: int) -> None:
    """By its scheme, in any case; at /health as well."""
    async with operator() as client:
        answer = await client.get(f"{ADMIN}/policies", headers={"authorization": field})
        health = await client.get("/health", headers={"authorization": field})

    assert answer.status_code == status
    assert ("limiter" in health.json()) is (status == 200)


POLICIES = """
allow = ["198.51.100.0/24"]
[[policy]]
name = "default"
quota = "1000/m"
exempt = ["192.0.2.77"]
[[policy]]
name = "wide"
quota = "1000/m"
key = "client/48"
[[policy]]
name = "keys"
quota = "1000/m"
key = "header:X-Api-Key"
[[policy]]
name = "all"
quota = "1000/m"
key = "everyone"
[[policy]]
name = "tried"
quota = "1000/m"
mode = "shadow"
"""


@pytest.mark.parametrize(
    ("policy", "key", "client", "headers"),
    [
        ("default", "192.0.2.5", "192.0.2.5", {}),
        ("default", "::ffff:192.0.2.5", "192.0.2.5", {}),
        ("default", "2001:db8:1:2::/64", "2001:db8:1:2::9", {}),
        ("wide", "2001:db8:1:2::9", "2001:db8:1:ffff::1", {}),
        ("wide", "2001:db8:1::/48", "2001:db8:1:2::9", {}),
        ("wide", "192.0.2.5", "192.0.2.5", {}),
        ("keys", "x-api-key=abc", "192.0.2.5", {"x-api-key": "abc"}),
        ("keys", "X-Api-Key=abc", "192.0.2.5", {"x-api-key": "abc"}),
        ("keys", "192.0.2.5", "192.0.2.5", {}),
        ("all", "everyone", "192.0.2.5", {}),
    ],
)
async def test_who_is_blocked_is_refused(
    policies: str, policy: str, key: str, client: str, headers: dict[str, str]
) -> None:
    """Whatever the policy groups by, the bucket is the one that the client's requests come to."""
    async with operator(RATE_LIMIT_POLICIES=policies) as web:
        bucket = {"policy": policy, "key": key}
        blocked = await web.post(f"{ADMIN}/block", params={**bucket, "seconds": 600})
        app = web._transport.app  # type: ignore[attr-defined]
        there = httpx.ASGITransport(app, client=(client, 1))
        elsewhere = httpx.AsyncClient(transport=there, base_url="http://test", headers=headers)
        async with elsewhere as asked:
            answer = await asked.get("/")

    assert blocked.status_code == 200
    assert blocked.json()["remaining"] == 0
    assert answer.status_code == 429


@pytest.mark.parametrize(
    ("policy", "key", "complaint"),
    [
        ("default", "nonsense", "write key=192.0.2.1"),
        ("default", "x-api-key=abc", "write key=192.0.2.1"),
        ("default", "192.0.2.256", "write key=192.0.2.1"),
        ("default", "2001:db8:1::/48", "write key=2001:db8:1::/64"),
        ("wide", "2001:db8:1:2::/64", "write key=2001:db8:1::/48"),
        ("keys", "x-other=abc", "no buckets by that header"),
        ("keys", "x-api-key=", "no buckets by that header"),
        ("keys", "abc", "write key=192.0.2.1"),
        ("all", "192.0.2.5", "write key=everyone"),
        ("tried", "192.0.2.5", "mode shadow"),
        ("default", "198.51.100.5", "is in allow"),
        ("default", "192.0.2.77", "is in exempt"),
    ],
)
async def test_a_block_without_effect_is_refused(
    policies: str, policy: str, key: str, complaint: str
) -> None:
    """A key that no request has, a policy that refuses nothing, a client that is never limited."""
    async with operator(RATE_LIMIT_POLICIES=policies) as web:
        bucket = {"policy": policy, "key": key, "seconds": "600"}
        answer = await web.post(f"{ADMIN}/block", params=bucket)

    assert answer.status_code == 400
    assert complaint in answer.json()["error"]


async def test_unlock_says_what_holds_an_account_and_what_still_does() -> None:
    """A lock ends; the answer names an address that is not given, or that a policy refuses."""
    async with operator(
        LOGIN_USERS=USERS, LOGIN_MAX_ATTEMPTS="2", RATE_LIMIT_RPM="1", RATE_LIMIT_BURST="9"
    ) as web:
        wrong = {"username": "ada@example.org", "password": "guess"}
        statuses = [(await web.post("/auth/login", json=wrong)).status_code for _ in range(3)]
        named = {"account": "ada@example.org", "address": "192.0.2.1"}
        somewhere = await web.post(f"{ADMIN}/unlock", params={"account": "ada@example.org"})
        bad = await web.post(f"{ADMIN}/unlock", params={**named, "address": "nonsense"})
        done = await web.post(f"{ADMIN}/unlock", params=named)
        right = {**wrong, "password": "correct horse"}
        welcome = await web.post("/auth/login", json=right)
        refused = [(await web.post("/auth/login", json=right)).status_code for _ in range(3)]
        app = web._transport.app  # type: ignore[attr-defined]
        there = httpx.ASGITransport(app, client=("192.0.2.2", 1))
        elsewhere = httpx.AsyncClient(transport=there, base_url="http://test", headers=web.headers)
        async with elsewhere as other:
            held = await other.post(f"{ADMIN}/unlock", params=named)

    assert statuses == [401] * 3
    assert somewhere.json()["was_locked"] is False
    assert "name it with address=" in somewhere.json()["still_held_by"][0]
    assert bad.status_code == 400
    assert done.json() == {
        "was_locked": True,
        "held_by": ["address at the account"],
        "still_held_by": [],
    }
    assert welcome.status_code == 200
    assert refused[-1] == 429
    assert held.json()["still_held_by"] == ["policy default"]


@pytest.fixture
def policies(tmp_path: Path) -> str:
    """A file with policies of every kind."""
    path = tmp_path / "policies.toml"
    path.write_text(POLICIES)
    return str(path)
