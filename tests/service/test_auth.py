"""`POST /auth/login`, as a guesser and as an owner see it."""

import asyncio
import json
import statistics
import time
from typing import Any

import httpx
import pytest
import structlog
from argon2 import PasswordHasher
from flygate_service.app import build_app
from flygate_service.settings import Settings

HASHER = PasswordHasher(time_cost=2, memory_cost=8_192, parallelism=1)
USERS = json.dumps({"ada@example.org": HASHER.hash("correct horse")})


def browser(address: str = "192.0.2.1", **environment: str) -> httpx.AsyncClient:
    """A client of a service with accounts."""
    settings = Settings.from_environment(
        {
            "LOGIN_USERS": USERS,
            "RATE_LIMIT_RPM": "60000",
            "RATE_LIMIT_BURST": "10000",
            **environment,
        }
    )
    service = build_app(settings, structlog.get_logger())
    transport = httpx.ASGITransport(service, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def log_in(client: httpx.AsyncClient, username: Any, password: Any) -> httpx.Response:
    """One attempt."""
    return await client.post("/auth/login", json={"username": username, "password": password})


async def test_logs_in() -> None:
    """The right password gives a device cookie, in any spelling of the name."""
    async with browser() as client:
        answer = await log_in(client, " ADA@example.org ", "correct horse")

    assert answer.status_code == 200
    assert answer.headers["set-cookie"].startswith("flygate_device=")
    assert answer.headers["cache-control"] == "no-store"


async def test_unknown_wrong_and_locked_look_the_same() -> None:
    """Status, body and header fields do not tell an unknown name, a wrong word and a lock apart."""
    async with browser(LOGIN_MAX_ATTEMPTS="2") as client:
        unknown = await log_in(client, "stranger@example.org", "guess")
        wrong = await log_in(client, "ada@example.org", "guess")
        await log_in(client, "ada@example.org", "guess")
        locked = await log_in(client, "ada@example.org", "correct horse")

    answers = [unknown, wrong, locked]
    assert [answer.status_code for answer in answers] == [401] * 3
    assert len({answer.content for answer in answers}) == 1
    fields = [
        {name: value for name, value in answer.headers.items() if not name.startswith("ratelimit")}
        for answer in answers
    ]
    assert fields[0] == fields[1] == fields[2]


async def test_unknown_wrong_and_locked_take_the_same_time() -> None:
    """The time of an answer does not tell them apart either, within the machine's noise."""
    times: dict[str, list[float]] = {"unknown": [], "wrong": [], "locked": []}
    async with (
        browser(LOGIN_MAX_ATTEMPTS="1000") as client,
        browser(LOGIN_MAX_ATTEMPTS="1") as strict,
    ):
        await log_in(strict, "ada@example.org", "guess")
        for number in range(30):
            turns = [
                ("unknown", client, f"stranger{number}@example.org"),
                ("wrong", client, "ada@example.org"),
                ("locked", strict, "ada@example.org"),
            ]
            for name, asked, who in turns[number % 3 :] + turns[: number % 3]:
                began = time.process_time()
                answer = await log_in(asked, who, "guess")
                times[name].append(time.process_time() - began)
                assert answer.status_code in (401, 429)

    # The processor's time, of all threads, since the machine does other work too; and of that the
    # quicker quarter, since others only add to it.
    quick = [statistics.quantiles(took, n=4)[0] for took in times.values()]
    assert max(quick) < 1.25 * min(quick)


async def test_a_known_device_is_not_locked_out() -> None:
    """A browser that has logged in gets in while its account is under attack."""
    environment = {"LOGIN_MAX_ATTEMPTS": "2"}
    async with browser(**environment) as client:
        await log_in(client, "ada@example.org", "correct horse")
        cookie = client.cookies["flygate_device"]
        client.cookies.clear()
        for _ in range(3):
            await log_in(client, "ada@example.org", "guess")
        without = await log_in(client, "ada@example.org", "correct horse")
        client.cookies["flygate_device"] = cookie
        answer = await log_in(client, "ada@example.org", "correct horse")

    assert without.status_code == 401
    assert answer.status_code == 200


async def test_an_address_that_tries_too_much_learns_when() -> None:
    """Many accounts from one address end in 429 with a wait, before any password is checked."""
    async with browser(LOGIN_MAX_ATTEMPTS="1") as client:
        answers = [await log_in(client, f"user{n}", "guess") for n in range(11)]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_what_is_no_attempt() -> None:
    """Empty names, other types, large bodies and what is no JSON are refused, and count nothing."""
    async with browser(LOGIN_MAX_ATTEMPTS="1") as client:
        bad = [
            await log_in(client, "", "x"),
            await log_in(client, "ada", ""),
            await log_in(client, ["ada"], "x"),
            await log_in(client, "ada", "x" * 5_000),
            await post(client, b"{"),
            await post(client, b"[]"),
            await post(client, b"[" * 3_000),
            await post(client, b'{"username": ' * 300),
            await post(client, b'{"username": "ada\\ud800", "password": "x"}'),
            await post(client, b'{"username": "ada", "password": "\\udfff"}'),
            await post(client, b'{"username": %s, "password": "x"}' % (b"9" * 4_000)),
            await post(client, b"\xff\xfe\x00"),
        ]
        get = await client.get("/auth/login")
        good = await log_in(client, "ada@example.org", "correct horse")

    assert [answer.status_code for answer in bad] == [400] * len(bad)
    assert get.status_code == 405
    assert good.status_code == 200


async def post(client: httpx.AsyncClient, body: bytes, kind: str = "application/json") -> Any:
    """Some bytes."""
    return await client.post("/auth/login", content=body, headers={"content-type": kind})


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
)
async def test_a_foreign_page_can_t_guess(kind: str) -> None:
    """What a page may send elsewhere without asking is no attempt."""
    body = json.dumps({"username": "ada@example.org", "password": "correct horse"}).encode()
    async with browser() as client:
        assert (await post(client, body, kind)).status_code == 415
        assert (await post(client, body, "Application/JSON; charset=utf-8")).status_code == 200


@pytest.mark.parametrize(
    "cookie",
    [
        "a.b.c",
        "a.9" + "9" * 5_000 + ".c",
        "..",
        "a.1.\u00e9",
        "a.\u0661.c",
        "a.1.2.3",
        "\u00e9.1.c",
    ],
)
async def test_a_strange_device_is_none(cookie: str) -> None:
    """Its bearer is a stranger like any other."""
    async with browser() as client:
        headers = {b"cookie": f"flygate_device={cookie}".encode("latin-1", "replace")}
        credentials = {"username": "ada@example.org", "password": "guess"}
        answer = await client.post("/auth/login", json=credentials, headers=headers)

    assert answer.status_code == 401


async def test_without_accounts_there_is_no_login() -> None:
    """A service without LOGIN_USERS has no such path."""
    async with browser(LOGIN_USERS="") as client:
        answer = await log_in(client, "ada", "x")

    assert answer.status_code == 404


async def test_a_flood_is_asked_to_come_again_and_locks_no_account() -> None:
    """Who finds the line full gets 503 with a wait, and has made no attempt; a known device is
    served meanwhile.
    """
    async with browser(LOGIN_MAX_ATTEMPTS="3") as client:
        await log_in(client, "ada@example.org", "correct horse")
        cookie = client.cookies["flygate_device"]
        client.cookies.clear()
        flood = [
            asyncio.create_task(log_in(client, f"user{n}@example.org", "guess")) for n in range(12)
        ]
        await asyncio.sleep(0)
        refused = [await log_in(client, "ada@example.org", "guess") for _ in range(4)]
        client.cookies["flygate_device"] = cookie
        owner = await log_in(client, "ada@example.org", "correct horse")
        client.cookies.clear()
        statuses = {(await answer).status_code for answer in flood}
        later = await log_in(client, "ada@example.org", "correct horse")

    assert [answer.status_code for answer in refused] == [503] * 4
    assert int(refused[0].headers["retry-after"]) > 0
    assert owner.status_code == 200
    assert statuses == {401}
    assert later.status_code == 200
