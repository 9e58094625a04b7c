"""Room on the disks that a deployment writes to."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from flygate.system import space
from flygate.system.errors import DiskFullError
from flygate.system.space import LEAST_BYTES, Room


def disk(monkeypatch: pytest.MonkeyPatch, free: int, names: int = 5) -> None:
    """All disks have so much."""
    found = SimpleNamespace(f_bavail=free, f_frsize=1, f_files=10, f_favail=names)
    monkeypatch.setattr(os, "statvfs", lambda _: found)


def test_a_deployment_writes_below_the_checkout_and_into_a_state_in_a_folder() -> None:
    """Other backends are no disk of this computer."""
    here = {"PULUMI_BACKEND_URL": "file:///var/state?no_tmp_dir=true"}

    assert [str(one) for one in space.folders(Path("/shop"), here)] == [
        "/shop/.flygate",
        "/var/state",
    ]
    assert list(space.folders(Path("/shop"), {})) == [Path("/shop/.flygate")]


@pytest.mark.parametrize(("free", "names"), [(LEAST_BYTES - 1, 5), (0, 5), (LEAST_BYTES, 0)])
def test_without_room_it_is_not_begun(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, names: int
) -> None:
    """The folder, what is free and what is needed; also where no file more can be made."""
    disk(monkeypatch, free, names)

    with pytest.raises(DiskFullError) as refused:
        space.check([tmp_path / "not" / "there"])

    assert str(tmp_path / "not" / "there") in str(refused.value)
    assert "No space left on device" in str(refused.value)
    assert "Nothing was changed" in str(refused.value)


def test_with_room_it_begins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As little as is needed is enough."""
    disk(monkeypatch, LEAST_BYTES)

    space.check([tmp_path])

    assert Room.of(tmp_path).is_enough


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_write_without_room_is_reported_with_its_path(number: int) -> None:
    """Whatever wrote it."""
    reported = space.full(OSError(number, os.strerror(number), "/shop/.flygate/x"))

    assert isinstance(reported, DiskFullError)
    assert str(reported).startswith(f"{os.strerror(number)}: /shop/.flygate/x. Free some space")


def test_another_failure_is_no_matter_of_room() -> None:
    """It keeps its traceback."""
    assert space.full(PermissionError(errno.EACCES, "Permission denied", "/x")) is None
    assert space.full(ValueError("x")) is None
