"""README's maps of a request and of a deployment name files that exist, in the order of the way."""

from __future__ import annotations

import re
from typing import Final

import httpx
import pytest
import structlog
from flygate_service.app import build_app
from flygate_service.settings import Settings

from tests.support.maps import ROOT, entered, files_of, in_order

_FILE: Final = re.compile(r"[\w/]+\.py\b")


@pytest.mark.parametrize("title", ["A request", "A deployment"])
def test_every_file_of_a_map_exists(title: str) -> None:
    """And there are enough of them to be a map."""
    files = files_of(title)

    assert len(files) > 7
    assert [name for name in files if not (ROOT / name).exists()] == []


async def test_a_request_goes_the_way_of_the_map() -> None:
    """One that is let in, and one that is refused."""
    environment = {"RATE_LIMIT_RPM": "60", "RATE_LIMIT_BURST": "1", "HOST": "127.0.0.1"}
    service = build_app(Settings.from_environment(environment), structlog.get_logger())
    transport = httpx.ASGITransport(app=service.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        with entered() as files:
            answers = [(await client.get("/")).status_code for _ in range(2)]

    assert answers == [200, 429]
    # One machine has no cluster: there is nothing to ask of affinity.
    wanted = [name for name in files_of("A request") if "affinity" not in name]
    assert in_order(wanted, files) == []


def test_every_file_of_the_architecture_exists() -> None:
    """By its path below one of the packages, or by its name beside another one."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(_FILE.findall(text))
    known = {
        path.relative_to(ROOT).as_posix()
        for home in ("infra", "service", "wire", "scripts", "tests", "bench")
        for path in (ROOT / home).rglob("*.py")
    }

    assert len(named) > 60
    assert [
        one for one in sorted(named) if not any(f"/{path}".endswith(f"/{one}") for path in known)
    ] == []
