"""The process that rolls out from this computer: named while it lives, inherited when it died."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from flygate.rollout.lock.holder import Holder, HolderFile

from tests.support.full_disk import files_of_at_most

pytestmark = pytest.mark.integration

ANN = Holder("v7", "ann@laptop", "2026-11-24T08:00:00+00:00", "hotfix")
BOB = Holder("v8", "bob@laptop", "2026-11-24T08:00:01+00:00")


def test_the_present_holder_is_returned(tmp_path: Path) -> None:
    """What, who, which process, since when and why."""
    first, second = HolderFile(tmp_path / "shop.json"), HolderFile(tmp_path / "shop.json")

    assert first.claim(ANN) is None
    assert second.claim(BOB) == (
        f"flygate v7 by ann@laptop (process {os.getpid()}) since 2026-11-24T08:00:00+00:00: hotfix"
    )
    first.release()
    assert second.claim(BOB) is None
    assert second.left_behind == {}
    second.release()


def hold_for_ever(path: Path, ready: Connection) -> None:
    """What another process does until it is killed."""
    file = HolderFile(path)
    file.claim(BOB)
    file.note({"machine": "nonce"})
    ready.send(True)
    signal.pause()


def test_a_process_that_was_killed_holds_it_no_more_and_leaves_its_leases(tmp_path: Path) -> None:
    """The next one need not wait until they expire."""
    here, there = multiprocessing.Pipe()
    doomed = multiprocessing.get_context("spawn").Process(
        target=hold_for_ever, args=(tmp_path / "shop.json", there)
    )
    doomed.start()
    try:
        assert here.recv()
        file = HolderFile(tmp_path / "shop.json")
        assert file.claim(ANN) is not None
    finally:
        doomed.kill()
        doomed.join()

    assert file.claim(ANN) is None
    assert file.left_behind == {"machine": "nonce"}
    file.release()


def test_no_other_user_can_read_the_leases(tmp_path: Path) -> None:
    """Who has a nonce can change the machine."""
    file = HolderFile(tmp_path / "lock" / "shop.json")
    file.claim(ANN)
    file.release()

    assert (tmp_path / "lock" / "shop.json").stat().st_mode & 0o077 == 0


def test_a_file_that_was_torn_is_no_obstacle(tmp_path: Path) -> None:
    """Its process died while it wrote."""
    (tmp_path / "shop.json").write_text('{"what": "v')
    file = HolderFile(tmp_path / "shop.json")

    assert file.claim(ANN) is None
    assert file.left_behind == {}
    file.release()


def test_leases_that_can_not_be_noted_end_no_rollout(tmp_path: Path) -> None:
    """The next process waits until they expire; the holder is named nevertheless."""
    first, second = HolderFile(tmp_path / "shop.json"), HolderFile(tmp_path / "shop.json")
    first.claim(ANN)

    with files_of_at_most(10):
        first.note({"machine": "nonce"})

    assert second.claim(BOB)
    first.release()
    assert second.claim(BOB) is None
    second.release()
