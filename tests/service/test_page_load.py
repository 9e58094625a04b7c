"""A page as browsers load it: the document, and all its pictures at once."""

import asyncio
import re
from pathlib import Path

import httpx
import structlog
from flygate_service.app import build_app
from flygate_service.settings import Settings

POLICIES = """
exempt_paths = ["GET /page/assets/*"]
[[policy]]
name = "default"
quota = "100/m burst 20"
"""


def browser(**environment: str) -> httpx.AsyncClient:
    """A user of the demo."""
    service = build_app(Settings.from_environment(environment), structlog.get_logger())
    transport = httpx.ASGITransport(service)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def load(web: httpx.AsyncClient) -> list[int]:
    """The statuses of the page and of what it names."""
    page = await web.get("/page")
    assets = re.findall(r'src="([^"]+)"', page.text)
    answers = await asyncio.gather(*(web.get(asset) for asset in assets))
    return [page.status_code, *(answer.status_code for answer in answers)]


async def test_the_defaults_hold_a_page_with_its_assets() -> None:
    """Of 21 requests in a moment the burst holds 20; 60 a minute with a burst of 10 held half."""
    async with browser() as web:
        statuses = await load(web)

    assert len(statuses) == 21
    assert statuses.count(200) >= 20


async def test_assets_that_are_exempt_cost_nothing(tmp_path: Path) -> None:
    """With a pattern in `exempt_paths` a page costs one request, however much is on it."""
    (tmp_path / "policies.toml").write_text(POLICIES)
    async with browser(RATE_LIMIT_POLICIES=str(tmp_path / "policies.toml")) as web:
        loads = [await load(web) for _ in range(3)]
        page = await web.get("/page")
        asset = await web.get("/page/assets/1.svg")

    assert [set(statuses) for statuses in loads] == [{200}] * 3
    assert int(page.headers["ratelimit"].partition("r=")[2].partition(";")[0]) >= 16
    assert "ratelimit" not in asset.headers
