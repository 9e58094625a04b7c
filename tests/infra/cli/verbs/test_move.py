"""`flygate move`: an app with data on disks is not left."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from flygate.cli.stack.stack import Stack
from flygate.cli.verbs import move
from flygate.fly.endpoints import Endpoints
from flygate.system.errors import ConfigError

from tests.infra.deployment import APP, Deployment

pytestmark = pytest.mark.integration


@pytest.fixture
def stack(endpoints: Endpoints) -> Stack:
    """One whose Fly is the test's."""
    urls = {"FLY_API_BASE_URL": endpoints.api_url, "FLY_FLAPS_BASE_URL": endpoints.flaps_url}
    environment: dict[str, Any] = {**urls, "FLY_API_TOKEN": "test-token"}
    return cast(Stack, SimpleNamespace(name="staging", environment=environment))


async def test_an_app_with_volumes_is_not_left(shop: Deployment, stack: Stack) -> None:
    """Each is named, and what to do instead; without one there is nothing to refuse."""
    await move._check_volumes(stack, APP)
    await move._check_volumes(stack, "nowhere")

    volume = await shop.fly.volumes.create(APP, name="data", region="iad", size_gb=2)

    with pytest.raises(ConfigError) as refused:
        await move._check_volumes(stack, APP)
    assert f"data ({volume.id}, 2 GB in iad)" in str(refused.value)
    assert "Nothing was changed" in str(refused.value)
    assert "`flygate destroy staging --volumes`" in str(refused.value)
