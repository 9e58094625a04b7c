"""Pages of other origins: preflights are no requests of the client's, and a 429 is seen as one."""

import asyncio
from pathlib import Path

import httpx
import pytest
import structlog
from flygate_limiter import Quota, QuotaError, window
from flygate_service.app import build_app
from flygate_service.asgi.messages import App, Receive, Scope, Send
from flygate_service.middleware.cors import CorsApplication, CorsMiddleware
from flygate_service.settings import Settings
from flygate_service.wiring.policy_loader import preflight_policy

from tests.support.browser import browser_page, chromium_or_skip

from .conftest import StartService

SHOP = {"origin": "https://shop.example"}
ELSEWHERE = {"origin": "https://elsewhere.example"}
ASKS = {"access-control-request-method": "POST", "access-control-request-headers": "x-token"}


def service(**environment: str) -> httpx.AsyncClient:
    """A client of a service around an application with CORS."""
    values = {"SERVICE_APP": "tests.service.apps:cors_app()", "RATE_LIMIT_RPM": "1", **environment}
    built = build_app(Settings.from_environment(values), structlog.get_logger())
    return httpx.AsyncClient(transport=httpx.ASGITransport(built), base_url="http://test")


async def test_a_refusal_says_what_the_application_says() -> None:
    """An origin that may read answers may read a 429 and its fields, even if it is the first."""
    async with service(RATE_LIMIT_BURST="1") as web:
        served = await web.get("/hello", headers=SHOP)
        refused = await web.get("/hello", headers=SHOP)
        other = await web.get("/hello", headers=ELSEWHERE)
        own = await web.get("/_flygate/probe", headers=SHOP)
        no_page = await web.get("/hello")

    assert (served.status_code, refused.status_code) == (200, 429)
    for answer in (served, refused):
        assert answer.headers["access-control-allow-origin"] == SHOP["origin"]
        assert answer.headers["access-control-allow-credentials"] == "true"
        exposed = answer.headers["access-control-expose-headers"]
        assert exposed == "RateLimit, RateLimit-Policy, Retry-After"
        assert "Origin" in answer.headers["vary"]
    for answer in (other, own, no_page):
        assert answer.status_code == 429
        assert "access-control-allow-origin" not in answer.headers


async def test_an_origin_that_was_never_served_is_asked_for() -> None:
    """The application is asked as a browser asks it, and not once for each made-up origin."""
    asked: list[str] = []

    async def refusing(scope: Scope, _: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": scope["status"], "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def inner(scope: Scope, _: Receive, send: Send) -> None:
        asked.append(scope["method"])
        headers = [(b"access-control-allow-origin", b"*")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    app = CorsMiddleware(refusing, CorsApplication(inner), frozenset())
    headers = [{"origin": f"https://{n}.example"} for n in range(200)]
    first = [await _status(app, 413, one) for one in (headers[0], headers[0])]
    rest = [await _status(app, 503, one) for one in headers]

    assert [answer.headers["access-control-allow-origin"] for answer in first] == ["*", "*"]
    assert "access-control-allow-origin" in rest[1].headers
    assert set(asked) == {"OPTIONS"}
    assert len(asked) < 100
    assert "access-control-allow-origin" not in (await _status(app, 404, headers[0])).headers


async def _status(app: App, status: int, headers: dict[str, str]) -> httpx.Response:
    async def with_status(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "status": status}, receive, send)

    transport = httpx.ASGITransport(with_status)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as web:
        return await web.get("/x", headers=headers)


async def test_an_application_that_fails_or_hangs_when_asked() -> None:
    """The refusal is sent, without the fields."""

    async def refusing(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 429, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def failing(_: Scope, __: Receive, ___: Send) -> None:
        raise ZeroDivisionError

    async def hanging(_: Scope, __: Receive, ___: Send) -> None:
        await asyncio.Event().wait()

    for inner in (failing, hanging):
        app = CorsMiddleware(refusing, CorsApplication(inner), frozenset())
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://test"
        ) as web:
            assert (await web.get("/", headers=SHOP)).status_code == 429


async def test_a_busy_machine_says_it_too() -> None:
    """A page sees the 503 of a machine that is full."""
    async with service(SERVICE_MAX_REQUESTS="1") as web:
        answers = await asyncio.gather(*(web.get("/hold", headers=SHOP) for _ in range(2)))
    held, refused = sorted(answers, key=lambda answer: answer.status_code)

    assert held.status_code == 200
    assert refused.status_code == 503
    assert refused.headers["access-control-allow-origin"] == SHOP["origin"]


async def test_preflights_are_not_charged() -> None:
    """However many a browser sends, the page's requests have the whole burst."""
    async with service(RATE_LIMIT_BURST="4") as web:
        preflights = [await web.options("/hello", headers={**SHOP, **ASKS}) for _ in range(40)]
        answers = [await web.post("/hello", headers=SHOP) for _ in range(5)]

    assert {answer.status_code for answer in preflights} == {200}
    assert "ratelimit" not in preflights[0].headers
    assert [answer.status_code for answer in answers] == [200] * 4 + [429]


@pytest.mark.parametrize(
    ("environment", "headers", "served"),
    [
        ({}, {**SHOP, **ASKS}, 20),  # ten times as many as requests, and not for ever
        ({"RATE_LIMIT_PREFLIGHTS": "charged"}, {**SHOP, **ASKS}, 2),
        ({}, SHOP, 2),
        ({}, ASKS, 2),
        ({"RATE_LIMIT_MODE": "shadow"}, {**SHOP, **ASKS}, 30),
        ({"RATE_LIMIT_ALGORITHM": "sliding_window", "RATE_LIMIT_RPM": "2"}, {**SHOP, **ASKS}, 20),
    ],
)
async def test_preflights_are_no_way_round_the_limits(
    environment: dict[str, str], headers: dict[str, str], served: int
) -> None:
    """What only looks like one is charged; and of real ones there is a limit, too."""
    async with service(RATE_LIMIT_BURST="2", **environment) as web:
        statuses = [(await web.options("/hello", headers=headers)).status_code for _ in range(30)]

    assert sum(status != 429 for status in statuses) == served


@pytest.mark.parametrize("requests", [2, 100, 20_000, 24_494, 24_495, 100_000, 244_947])
async def test_a_window_takes_as_many_preflights_as_it_can_count(requests: int) -> None:
    """Ten times as many as requests, and never more than a window holds: it could not start."""
    environment = {"RATE_LIMIT_ALGORITHM": "sliding_window", "RATE_LIMIT_RPM": str(requests)}
    policy = preflight_policy(Settings.from_environment(environment).limiter)

    assert policy is not None
    window.check(policy.quota)
    assert policy.quota.units >= requests
    more = Quota(policy.quota.units + 1, policy.quota.period_ns)
    if policy.quota.units < 10 * requests:
        with pytest.raises(QuotaError):
            window.check(more)


async def test_a_policy_for_preflights_is_one(tmp_path: Path) -> None:
    """A policy that names their method is what they are charged to."""
    path = tmp_path / "policies.toml"
    path.write_text('[[policy]]\nname = "asking"\nquota = "3/m"\nroutes = ["OPTIONS /*"]\n')
    async with service(RATE_LIMIT_POLICIES=str(path)) as web:
        answers = [await web.options("/hello", headers={**SHOP, **ASKS}) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 3 + [429] * 2


async def test_who_is_denied_may_not_ask(tmp_path: Path) -> None:
    """The deny list is for preflights, too."""
    path = tmp_path / "policies.toml"
    path.write_text('deny = ["127.0.0.1"]\n[[policy]]\nname = "default"\nquota = "1/m"\n')
    async with service(RATE_LIMIT_POLICIES=str(path)) as web:
        answer = await web.options("/hello", headers={**SHOP, **ASKS})

    assert answer.status_code == 403


@pytest.mark.integration
async def test_a_real_browser_sees_the_429(start_service: StartService) -> None:
    """A page of another origin reads status, fields and wait of a refusal, and not a failure."""
    chromium_or_skip()
    running = await start_service(
        SERVICE_APP="tests.service.apps:cors_app()", RATE_LIMIT_RPM="1", RATE_LIMIT_BURST="2"
    )
    port = running.client.base_url.port
    script = """async url => {
        const seen = [];
        for (let i = 0; i < 3; i++) {
            const answer = await fetch(url, {
                method: "POST", headers: {"x-token": "t"}, credentials: "include"
            });
            const fields = ["ratelimit", "ratelimit-policy", "retry-after"];
            seen.push([answer.status, ...fields.map(name => answer.headers.get(name))]);
        }
        return seen;
    }"""
    async with browser_page("http://") as page:
        await page.goto(f"http://localhost:{port}/health")
        seen = await page.evaluate(script, f"http://127.0.0.1:{port}/hello")

    assert [status for status, *_ in seen] == [200, 200, 429]
    assert [policy for _, _, policy, _ in seen] == ['"default";q=2;w=120'] * 3
    assert seen[0][1].startswith('"default";r=1;')
    assert 1 <= int(seen[2][3]) <= 60
