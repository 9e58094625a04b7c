"""Fixtures of the local Fly's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.localfly import Machines, local_machines


@pytest.fixture
async def machines(tmp_path: Path) -> AsyncIterator[Machines]:
    """An app on a local Fly of its own."""
    async with local_machines(tmp_path / "state") as made:
        yield made
