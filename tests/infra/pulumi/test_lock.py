"""Pulumi's lock file: which process has it, and whether that process is surely dead."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flygate.pulumi import lock as pulumi_lock
from flygate.pulumi.lock import PulumiLock

HERE = socket.gethostname()


def locked(folder: Path, **changes: Any) -> PulumiLock:
    """The lock of a stack, as Pulumi writes it."""
    locks = folder / ".pulumi/locks/organization/flygate/local"
    locks.mkdir(parents=True)
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "123Z")
    content = {"pid": os.getpid(), "username": "ann", "hostname": HERE, "timestamp": now, **changes}
    (locks / "0f3a.json").write_text(json.dumps(content))
    found = pulumi_lock.find({"PULUMI_BACKEND_URL": f"file://{folder}"}, "local")
    assert isinstance(found, PulumiLock)
    return found


def ended() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_living_process_is_named(tmp_path: Path) -> None:
    """Who, where, which process, since when."""
    lock = locked(tmp_path)

    assert str(lock).startswith(f"Pulumi by ann@{HERE} (process {os.getpid()}) since 20")
    assert not lock.is_dead


def test_a_process_that_ended_is_dead(tmp_path: Path) -> None:
    """No process has its number."""
    assert locked(tmp_path, pid=ended()).is_dead


def test_a_lock_of_before_the_computer_started_is_dead(tmp_path: Path) -> None:
    """Another process may have its number by now."""
    assert locked(tmp_path, timestamp="2001-01-01T00:00:00.123456789Z").is_dead


def test_a_process_of_another_computer_may_live(tmp_path: Path) -> None:
    """Nothing can be known of it from here."""
    lock = locked(tmp_path, hostname="elsewhere", pid=ended())

    assert not lock.is_dead
    assert not lock.is_local


@pytest.mark.parametrize("backend", ["", "s3://bucket", "https://api.pulumi.com"])
def test_where_nothing_can_be_seen_there_is_no_lock(backend: str) -> None:
    """Other backends keep theirs elsewhere."""
    assert pulumi_lock.find({"PULUMI_BACKEND_URL": backend}, "local") is None


@pytest.mark.parametrize("name", ["0f3a.json", "0f3a.json.18eca0553638f2f4.tmp"])
@pytest.mark.parametrize("text", ["", '{"pid": '])
def test_a_lock_that_found_no_room_is_dead_once_it_is_old(
    tmp_path: Path, name: str, text: str
) -> None:
    """Pulumi takes it for a lock, and can't read it; in its first moment it may yet be whole."""
    environment = {"PULUMI_BACKEND_URL": f"file://{tmp_path}"}
    locks = tmp_path / ".pulumi/locks/organization/flygate/local"
    locks.mkdir(parents=True)
    (locks / name).write_text(text)

    first = pulumi_lock.find(environment, "local")
    os.utime(locks / name, (1, 1))
    later = pulumi_lock.find(environment, "local")

    assert first is not None
    assert later is not None
    assert (first.is_dead, later.is_dead) == (False, True)
    assert "no room on the disk" in str(later)


def test_a_lock_whose_process_lives_comes_before_dead_ones(tmp_path: Path) -> None:
    """It is the one to wait for."""
    locked(tmp_path)
    locks = tmp_path / ".pulumi/locks/organization/flygate/local"
    (locks / "0000.json").write_text("")
    os.utime(locks / "0000.json", (1, 1))

    found = pulumi_lock.find({"PULUMI_BACKEND_URL": f"file://{tmp_path}"}, "local")

    assert isinstance(found, PulumiLock)
    assert found.pid == os.getpid()
