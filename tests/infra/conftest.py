"""A local Fly of its own for each test, and the checkout of a service that is deployed to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints, is_loopback
from flygate.fly.pace import Pace
from flygate.rollout.gates import reach
from flygate.rollout.machine import watching
from hypothesis import settings
from localfly.daemon.local_fly import LocalFly

from tests.infra import tiny_service
from tests.infra.deployment import Deployment

# A busy machine is no reason to fail.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def _eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """The local Fly has no rate limits, so it can be asked more often than the real one."""
    monkeypatch.setattr(reach, "POLL_SECONDS", 0.03)
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.03)


@pytest.fixture
async def local_fly(tmp_path: Path) -> AsyncIterator[LocalFly]:
    """A local Fly on free ports; its machines end with it."""
    async with LocalFly(tmp_path / "fly") as running:
        yield running


@pytest.fixture
def endpoints(local_fly: LocalFly) -> Endpoints:
    """Where the local Fly is; never another one."""
    assert is_loopback(local_fly.api_url)
    return Endpoints(local_fly.api_url, local_fly.api_url, "test-token")


@pytest.fixture
async def fly(endpoints: Endpoints) -> AsyncIterator[FlyClient]:
    """A client of the local Fly."""
    async with FlyClient(endpoints, pace=Pace(is_limited=False)) as client:
        yield client


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose service is the tiny one."""
    root = tmp_path / "checkout"
    package = root / "service" / "flygate_service"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    text = Path(tiny_service.__file__).read_text(encoding="utf-8")
    (package / "__main__.py").write_text(text, encoding="utf-8")
    return root


@pytest.fixture
async def shop(fly: FlyClient, checkout: Path) -> Deployment:
    """An app without any release, and the verbs that deploy to it."""
    deployment = Deployment(fly, checkout)
    await deployment.create_app()
    return deployment
