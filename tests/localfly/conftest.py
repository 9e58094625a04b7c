"""Fixtures of the local Fly's tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from localfly.daemon.control import DaemonControl

from tests.localfly.typed import Flygate
from tests.support.localfly import Machines, local_machines


@pytest.fixture
async def machines(tmp_path: Path) -> AsyncIterator[Machines]:
    """An app on a local Fly of its own."""
    async with local_machines(tmp_path / "state") as made:
        yield made


@pytest.fixture
def flygate(tmp_path: Path) -> Iterator[Flygate]:
    """A state folder of its own; nothing is left of it afterwards."""
    state = tmp_path / "state"
    yield Flygate(state)
    DaemonControl(state).down()
