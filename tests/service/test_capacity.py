"""A machine that has as many requests as it may."""

import asyncio

import httpx
import structlog
from flygate_service.app import build_app
from flygate_service.settings import Settings


def client(**environment: str) -> httpx.AsyncClient:
    """A client of a service around an application with a slow page."""
    settings = Settings.from_environment(
        {"SERVICE_APP": "tests.service.apps:make_app()", "RATE_LIMIT_BURST": "100", **environment}
    )
    service = build_app(settings, structlog.get_logger())
    transport = httpx.ASGITransport(service)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def test_more_than_it_may_have_is_asked_to_come_again() -> None:
    """It is answered 503 at once, with a wait; what was let in is finished, and then there is room.

    Fly's checks and the service's own paths are answered all the while.
    """
    async with client(SERVICE_MAX_REQUESTS="2") as web:
        slow = [asyncio.create_task(web.get("/slow")) for _ in range(2)]
        await asyncio.sleep(0.1)
        refused = await web.get("/state")
        ready = await web.get("/health")
        probe = await web.get("/_flygate/probe")
        finished = [await answer for answer in slow]
        later = await web.get("/state")

    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["content-type"] == "application/problem+json"
    assert "ratelimit" in refused.headers
    assert (ready.status_code, probe.status_code) == (200, 204)
    assert [answer.text for answer in finished] == ["done", "done"]
    assert later.status_code == 200
