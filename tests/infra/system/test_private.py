"""What is below `.flygate/` is its owner's alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from flygate.program.preview_note import PreviewNote
from flygate.record.journal import Journal
from flygate.redaction.redact import Redactor
from flygate.rollout.lock.holder import Holder, HolderFile
from flygate.system import private

from tests.support.full_disk import files_of_at_most


@pytest.fixture(autouse=True)
def _open_handed() -> Iterator[None]:
    """Most people's mask lets others read."""
    former = os.umask(0o022)
    yield
    os.umask(former)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_all_that_is_made_is_closed(tmp_path: Path) -> None:
    """The folder, those that it is in up to `.flygate`, and its files."""
    home = tmp_path / "checkout" / ".flygate"
    (tmp_path / "checkout").mkdir()
    folder = private.folder(home / "journal" / "deep")
    private.add_line(folder / "a", "one")
    private.add_line(folder / "a", "two")
    private.write(folder / "b", "long text")
    private.write(folder / "b", "short")

    assert (folder / "a").read_text() == "one\ntwo\n"
    assert (folder / "b").read_text() == "short"
    assert [mode(one) for one in (home, home / "journal", folder)] == [0o700] * 3
    assert [mode(one) for one in folder.iterdir()] == [0o600] * 2
    assert mode(tmp_path / "checkout") == 0o755


def test_what_an_older_version_made_is_closed(tmp_path: Path) -> None:
    """On the way to a file, and when the file is written again."""
    folder = tmp_path / ".flygate" / "journal"
    folder.mkdir(parents=True)
    (folder / "a").write_text("one\n")

    private.folder(folder)
    private.add_line(folder / "a", "two")

    assert [mode(tmp_path / ".flygate"), mode(folder), mode(folder / "a")] == [0o700, 0o700, 0o600]


def test_a_whole_tree_is_closed(tmp_path: Path) -> None:
    """What its owner may do stays; a link, and what it leads to, stays as it is."""
    outside = tmp_path / "outside"
    outside.write_text("")
    top = tmp_path / ".flygate"
    (top / "bin").mkdir(parents=True)
    for name, bits in (("read", 0o444), ("write", 0o664), ("run", 0o755)):
        (top / "bin" / name).write_text("")
        (top / "bin" / name).chmod(bits)
    (top / "link").symlink_to(outside)
    (top / "dead").symlink_to(tmp_path / "gone")

    private.tighten(top)

    found = {one.name: mode(one) for one in (top, *top.rglob("*")) if not one.is_symlink()}
    assert found == {".flygate": 0o700, "bin": 0o700, "read": 0o400, "write": 0o600, "run": 0o700}
    assert mode(outside) == 0o644
    private.tighten(tmp_path / "nothing")


def test_the_folder_may_be_a_link(tmp_path: Path) -> None:
    """To another disk, for example."""
    (tmp_path / "disk" / "state").mkdir(parents=True)
    (tmp_path / ".flygate").symlink_to(tmp_path / "disk")

    private.tighten(tmp_path / ".flygate")

    assert [mode(tmp_path / "disk"), mode(tmp_path / "disk" / "state")] == [0o700, 0o700]


def test_what_a_rollout_leaves_is_closed(tmp_path: Path) -> None:
    """The journal, the lock, the note of a preview: texts of machines, and what may change them."""
    home = tmp_path / ".flygate"
    (home / "lock").mkdir(parents=True)
    (home / "lock" / "shop.json").write_text("")  # of an older version

    Journal(home / "journal" / "shop.jsonl", "v1", Redactor()).write("started", "rollout", "x")
    HolderFile(home / "lock" / "shop.json").claim(Holder("v1", "ann", "now"))
    PreviewNote(tmp_path, "shop").write("state", ["line"])

    assert [str(one) for one in (home, *home.rglob("*")) if mode(one) & 0o077] == []


def test_a_file_that_finds_no_room_is_as_it_was(tmp_path: Path) -> None:
    """The text fits in half; the error says which file it was."""
    file = tmp_path / "note.json"
    private.write(file, "former")

    with files_of_at_most(100), pytest.raises(OSError, match="too large") as failed:
        private.write(file, "x" * 200)

    assert file.read_text() == "former"
    assert failed.value.filename == str(file)
    assert list(tmp_path.iterdir()) == [file]


def test_a_line_that_finds_no_room_leaves_nothing_of_it(tmp_path: Path) -> None:
    """What comes after it, once there is room, is a line of its own."""
    file = tmp_path / "journal.jsonl"
    private.add_line(file, "one")

    with files_of_at_most(100), pytest.raises(OSError, match="too large"):
        private.add_line(file, "x" * 200)
    private.add_line(file, "two")

    assert file.read_text() == "one\ntwo\n"


def test_half_a_line_of_a_process_that_died_spoils_no_other(tmp_path: Path) -> None:
    """It is ended before the next one."""
    file = tmp_path / "journal.jsonl"
    file.write_text('{"half')

    private.add_line(file, "two")

    assert file.read_text() == '{"half\ntwo\n'
