"""Only its owner can read what the local Fly keeps."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from localfly.daemon.local_fly import LocalFly
from localfly.state.files import make_folder, tighten

from tests.localfly.addons.test_addons import create
from tests.support.localfly import local_machines


@pytest.fixture(autouse=True)
def _open_handed() -> Iterator[None]:
    """Most people's mask lets others read."""
    former = os.umask(0o022)
    yield
    os.umask(former)


def open_to_others(folder: Path) -> list[str]:
    """The files and folders that others can read, write or run."""
    found = [one for one in (folder, *folder.rglob("*")) if not one.is_symlink()]
    return [str(one) for one in found if stat.S_IMODE(one.stat().st_mode) & 0o077]


@pytest.mark.integration
async def test_a_running_local_fly_leaves_nothing_open(tmp_path: Path) -> None:
    """Images, logs, secrets, a database, what its machines print: all is closed."""
    state = tmp_path / "checkout" / ".flygate" / "local"
    (tmp_path / "checkout").mkdir()
    async with local_machines(state) as machines:
        await machines.api.post("/v1/apps/demo/secrets", json={"values": {"A": "value"}})
        await machines.serving(name="one")
        await create(machines)
        assert (state / "logs").is_dir()
        assert any((state / "images").iterdir())
        assert open_to_others(state.parent) == []
    assert open_to_others(state.parent) == []


@pytest.mark.integration
async def test_what_an_older_one_left_open_is_closed(tmp_path: Path) -> None:
    """When it starts again."""
    async with local_machines(tmp_path / "state") as machines:
        await machines.serving(name="one")
    for path in (tmp_path / "state").rglob("*"):
        if not path.is_symlink():
            path.chmod(stat.S_IMODE(path.stat().st_mode) | 0o044)
    assert open_to_others(tmp_path / "state")

    async with LocalFly(tmp_path / "state"):
        assert open_to_others(tmp_path / "state") == []


def test_folders_that_are_made_on_the_way_are_closed(tmp_path: Path) -> None:
    """Those that were there stay as they are; a link is not followed."""
    tmp_path.chmod(0o755)
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "a" / "link").symlink_to(tmp_path)
    tighten(tmp_path / "a")

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert open_to_others(tmp_path / "a") == []
