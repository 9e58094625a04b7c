"""`/health`: enough for a check, and no map of the service for the public."""

import time
from collections.abc import Callable

import httpx
import pytest
from flygate_service import __version__
from flygate_service.app import build_app
from flygate_service.settings import Settings
from flygate_wire.signature import HEADER, Signatures
from structlog.testing import CapturingLogger

KEY = "a key that only the tests have"
TOKEN = "an operator's token, long enough"


def client(**environment: str) -> httpx.AsyncClient:
    """Of a service that knows both an operator and an engine."""
    values = {"FLYGATE_KEY": KEY, "ADMIN_TOKEN": TOKEN, "FLY_MACHINE_ID": "d89", **environment}
    app = build_app(Settings.from_environment(values), CapturingLogger())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.mark.parametrize(
    "make_headers",
    [
        dict,
        lambda: {"authorization": "Bearer another token, long enough"},
        lambda: {"authorization": "Bearer"},
        lambda: {HEADER: "nonsense"},
        lambda: {HEADER: Signatures("another key").sign("GET", "/health")},
        lambda: {HEADER: Signatures(KEY).sign("GET", "/readyz")},
        lambda: {HEADER: Signatures(KEY, lambda: time.time() - 90).sign("GET", "/health")},
    ],
)
async def test_the_public_sees_that_it_is_up(make_headers: Callable[[], dict[str, str]]) -> None:
    """Not which machine this is, nor what limits there are, whatever it says of itself."""
    async with client() as web:
        answer = await web.get("/health", headers=make_headers())

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "degraded": False, "version": __version__}


@pytest.mark.parametrize(
    "make_headers",
    [
        lambda: {"authorization": f"Bearer {TOKEN}"},
        lambda: {HEADER: Signatures(KEY).sign("GET", "/health")},
    ],
)
async def test_an_operator_and_the_engine_see_all(
    make_headers: Callable[[], dict[str, str]],
) -> None:
    """The machine, the release and the limiter."""
    async with client(FLYGATE_RELEASE="v7") as web:
        found = (await web.get("/health", headers=make_headers())).json()

    assert (found["machine"], found["release"]) == ("d89", "v7")
    assert found["limiter"]["storage"] == "memory"
    assert found["limiter"]["policies"][0]["name"] == "default"


async def test_without_a_token_and_a_key_there_is_no_more() -> None:
    """An empty token opens nothing."""
    async with client(FLYGATE_KEY="", ADMIN_TOKEN="") as web:
        answer = await web.get(
            "/health",
            headers={"authorization": "Bearer ", HEADER: Signatures("").sign("GET", "/health")},
        )

    assert set(answer.json()) == {"status", "degraded", "version"}
