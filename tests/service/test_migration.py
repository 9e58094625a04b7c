"""The snippets of docs/migration.md do what the page says, in the real service."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from tests.service.conftest import ServiceProcess, StartService

pytestmark = pytest.mark.integration

PAGE = Path(__file__).resolve().parents[2] / "docs" / "migration.md"
_BLOCK = re.compile(r"^ *```(?:python|toml)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def _snippets() -> dict[str, str]:
    """File name → text, of the snippets whose first line names a file."""
    found = {}
    for block in _BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        text = textwrap.dedent(block)
        name = re.match(r"# (shop/\S+)", text)
        if name:
            found[name[1]] = text
    return found


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The page's package, as a user would have it beside `service`."""
    (tmp_path / "shop").mkdir()
    for name, text in _snippets().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


async def _statuses(service: ServiceProcess, count: int) -> list[int]:
    return [(await service.client.get("/search")).status_code for _ in range(count)]


async def _metric(service: ServiceProcess, labels: str) -> float:
    text = (await service.client.get(f"http://127.0.0.1:{service.metrics_port}/metrics")).text
    lines = [line for line in text.splitlines() if labels in line]
    return float(lines[0].rpartition(" ")[2]) if lines else 0.0


async def test_in_shadow_no_request_is_refused_and_it_is_counted(
    shop: Path, start_service: StartService
) -> None:
    """Step 1 of the way from slowapi."""
    service = await start_service(
        PYTHONPATH=str(shop),
        SERVICE_APP="shop.web:app",
        RATE_LIMIT_POLICIES=str(shop / "shop/policies.toml"),
    )
    assert await _statuses(service, 7) == [200] * 7
    assert await _metric(service, 'outcome="would_deny",policy="search"') == 2


async def test_enforced_the_sixth_is_refused(shop: Path, start_service: StartService) -> None:
    """Steps 2 and 3: the policy without its mode, the application without slowapi."""
    policies = shop / "shop/policies.toml"
    policies.write_text(policies.read_text().replace('mode = "shadow"\n', ""))
    service = await start_service(
        PYTHONPATH=str(shop), SERVICE_APP="shop.web:app", RATE_LIMIT_POLICIES=str(policies)
    )
    assert await _statuses(service, 6) == [200] * 5 + [429]


async def test_the_dependency_keeps_its_form(shop: Path, start_service: StartService) -> None:
    """Step 2 of the way from fastapi-limiter."""
    service = await start_service(PYTHONPATH=str(shop), SERVICE_APP="shop.routes:app")
    assert await _statuses(service, 5) == [200] * 5
    refused = await service.client.get("/search")
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"


async def _root(service: ServiceProcess, count: int) -> list[int]:
    return [(await service.client.get("/")).status_code for _ in range(count)]


@pytest.mark.parametrize(
    "algorithm", [{"RATE_LIMIT_ALGORITHM": "sliding_window"}, {"RATE_LIMIT_BURST": "60"}]
)
async def test_a_bucket_as_large_as_the_window_lets_as_many_through(
    algorithm: dict[str, str], start_service: StartService
) -> None:
    """Steps 1 and 2 of the way from a window: both serve 60 at once."""
    service = await start_service(RATE_LIMIT_RPM="60", **algorithm)
    answers = await _root(service, 62)
    assert answers[:60] == [200] * 60
    assert 429 in answers[60:]


async def test_the_smaller_burst_is_tried_beside_the_live_one(
    tmp_path: Path, start_service: StartService
) -> None:
    """Step 3: all are served, and those whom the candidate would refuse are counted."""
    policies = tmp_path / "policies.toml"
    policies.write_text(
        '[[policy]]\nname = "default"\nquota = "60/h burst 60"\ncandidate = "60/h burst 10"\n'
    )
    service = await start_service(RATE_LIMIT_POLICIES=str(policies))
    assert await _root(service, 15) == [200] * 15
    assert await _metric(service, 'outcome="would_deny",policy="default.candidate"') == 5
