"""The service as a process, as a machine runs it."""

import pytest

from .conftest import StartService

pytestmark = pytest.mark.integration


async def test_burst_then_refusal(start_service: StartService) -> None:
    """The burst passes, and the next request is refused with a wait."""
    service = await start_service(RATE_LIMIT_RPM="1", RATE_LIMIT_BURST="3")

    answers = [await service.client.get("/_flygate/probe") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [204, 204, 204, 429]
    assert answers[2].headers["ratelimit"] == '"default";r=0;t=60'
    assert answers[3].headers["retry-after"] == "60"
    assert answers[3].headers["ratelimit-policy"] == '"default";q=3;w=180'


async def test_health_is_never_limited(start_service: StartService) -> None:
    """Fly's checks are answered however often they ask, and name the release."""
    service = await start_service(
        RATE_LIMIT_RPM="1", RATE_LIMIT_BURST="1", FLYGATE_RELEASE="v7", FLY_MACHINE_ID="d89"
    )

    answers = [await service.client.get("/health") for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5
    assert answers[0].json()["release"] == "v7"
    assert answers[0].json()["machine"] == "d89"
    assert "ratelimit" not in answers[0].headers


async def test_stops_at_sigterm(start_service: StartService) -> None:
    """SIGTERM ends the service with exit code 0."""
    service = await start_service(DRAIN_MILLISECONDS="0")

    code = await service.stop()

    assert code == 0
    assert service.events("stopped")
