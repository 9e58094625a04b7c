"""Which folder is the local Fly's, and what of it a purge deletes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from localfly.errors import ForeignFolderError, StartupError
from localfly.state.folder import MARK, StateFolder
from localfly.state.lock import StateLock

STATE_ID = "0123456789abcdef"


def test_a_folder_that_it_makes_is_marked(tmp_path: Path) -> None:
    """With its parents, for its owner alone; once more changes nothing."""
    folder = StateFolder(tmp_path / "a" / "b")

    folder.claim()
    mark = (folder.path / MARK).read_text()
    folder.claim()

    assert folder.is_ours
    assert (folder.path / MARK).read_text() == mark
    assert folder.path.stat().st_mode & 0o777 == 0o700


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    """A user made it for this."""
    StateFolder(tmp_path).claim()

    assert StateFolder(tmp_path).is_ours


def test_a_folder_of_a_former_version_is_recognised_and_marked(tmp_path: Path) -> None:
    """By what only a local Fly writes; also one whose daemon never got beyond its lock."""
    ran, failed = tmp_path / "ran", tmp_path / "failed"
    former_version(ran)
    failed.mkdir()
    for name in ("daemon.lock", "daemon.log"):
        (failed / name).touch()

    for folder in map(StateFolder, (ran, failed)):
        assert folder.is_ours
        folder.claim()
        assert (folder.path / MARK).exists()


@pytest.mark.parametrize(
    "files",
    [
        {"README.md": "text"},
        {"identity.json": '{"name": "a user"}', "daemon.lock": ""},
        {"identity.json": f'{{"state_id": "{STATE_ID}"}}'},
        {"identity.json": f'{{"state_id": "{STATE_ID}"}}', "daemon.lock": "", "ports.json": "[]"},
        {"daemon.lock": "1", "other": ""},
        {MARK: "{}", "README.md": "text"},
        {MARK: "no JSON", "README.md": "text"},
    ],
)
def test_a_folder_of_others_is_left_alone(files: dict[str, str], tmp_path: Path) -> None:
    """It is neither marked nor purged, and its rights stay; the error says what was found."""
    tmp_path.chmod(0o755)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    folder = StateFolder(tmp_path)

    assert not folder.is_ours
    for act in (folder.claim, folder.check, folder.purge):
        with pytest.raises(ForeignFolderError, match=r"is not a folder of the local Fly: it has "):
            act()

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == files
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    """A file, what would be in one, and a link that leads nowhere."""
    (tmp_path / "file").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")

    for name, what in (
        ("file", "is not a folder"),
        ("file/below", "is not a folder, so"),
        ("file/..", "is not a folder, so"),
        ("link", "is a link that leads nowhere"),
    ):
        for act in (StateFolder(tmp_path / name).claim, StateFolder(tmp_path / name).purge):
            with pytest.raises(ForeignFolderError, match=what):
                act()

    assert (tmp_path / "file").read_text() == "kept"
    assert not (tmp_path / "nothing").exists()


def test_the_folder_around_it_is_not_it(tmp_path: Path) -> None:
    """The one that was probably meant is named."""
    StateFolder(tmp_path / ".flygate" / "local").claim()

    for around, meant in ((tmp_path, ".flygate/local"), (tmp_path / ".flygate", "local")):
        with pytest.raises(ForeignFolderError, match=rf"Did you mean --state {around / meant}\?"):
            StateFolder(around).purge()

    assert StateFolder(tmp_path / ".flygate" / "local").is_ours


def test_a_mark_that_is_a_link_marks_nothing(tmp_path: Path) -> None:
    """It is the mark of another folder."""
    StateFolder(tmp_path / "ours").claim()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "book.txt").touch()
    (tmp_path / "theirs" / MARK).symlink_to(tmp_path / "ours" / MARK)

    assert not StateFolder(tmp_path / "theirs").is_ours


def test_all_that_it_wrote_goes_and_the_rest_stays(tmp_path: Path) -> None:
    """Files of others beside ours, in our subfolders too, with the names of our subfolders too."""
    state = tmp_path / "state"
    former_version(state)
    theirs = ["notes.txt", "images/logo.png", "logs/today.log", "secrets/passwords.txt", "env"]
    theirs += ["docs/apps/shop.json", "python/guide.md"]
    for name in theirs:
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_text("kept")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "volume.json").write_text("kept")
    (state / "volumes").symlink_to(tmp_path / "elsewhere")

    left = StateFolder(state).purge()

    names = {path.name for path in left}
    assert names == {"notes.txt", "images", "logs", "secrets", "env", "docs", "python", "volumes"}
    found = [path for path in state.rglob("*") if path.is_file()]
    assert sorted(str(path.relative_to(state)) for path in found) == sorted(theirs)
    assert (tmp_path / "elsewhere" / "volume.json").read_text() == "kept"
    assert not StateFolder(state).is_ours, "what is left is theirs alone"


def test_a_folder_without_other_files_is_deleted(tmp_path: Path) -> None:
    """With read-only images, and with the addresses that `flygate up` notes there."""
    state = tmp_path / "state"
    former_version(state)
    (state / "env").write_text("export FLY_API_BASE_URL=http://127.0.0.1:4280\n")

    assert StateFolder(state).purge() == []
    assert not state.exists()
    assert StateFolder(state).purge() == [], "nothing is there, and so nothing is wrong"


def test_through_a_link_the_folder_is_emptied(tmp_path: Path) -> None:
    """The link still leads to a folder, which a local Fly may use again."""
    former_version(tmp_path / "disk")
    (tmp_path / "link").symlink_to(tmp_path / "disk")

    assert StateFolder(tmp_path / "link").purge() == []

    assert list((tmp_path / "disk").iterdir()) == []
    StateFolder(tmp_path / "link").claim()
    assert StateFolder(tmp_path / "disk").is_ours


def test_a_folder_that_is_used_is_not_purged(tmp_path: Path) -> None:
    """Its daemon's lock says so."""
    folder = StateFolder(tmp_path / "state")
    folder.claim()
    lock = StateLock(folder.path)
    assert lock.acquire()
    try:
        with pytest.raises(StartupError, match=f"process {os.getpid()}"):
            folder.purge()
    finally:
        lock.release()
    assert folder.is_ours


def test_how_much_there_is(tmp_path: Path) -> None:
    """In words for a question."""
    former_version(tmp_path / "state")

    assert str(StateFolder(tmp_path / "state").contents()) == (
        "1 app, 2 machines, 1 Redis, 1 image"
    )


def test_volumes_are_named_before_they_are_purged(tmp_path: Path) -> None:
    """Their data goes with the purge; a file put beside them by hand stays."""
    folder = StateFolder(tmp_path / "state")
    folder.claim()
    for name in ("vol_0123456789abcdef", "vs_0123456789abcdef", ".spare", "mine"):
        (folder.path / "volumes" / name).mkdir(parents=True)
        (folder.path / "volumes" / name / "row").write_text("data")
    assert str(folder.contents()).endswith(", 1 volume")
    assert [path.name for path in folder.purge()] == ["volumes"]
    assert [path.name for path in (folder.path / "volumes").iterdir()] == ["mine"]


def former_version(state: Path) -> None:
    """What the version before the mark wrote."""
    documents = {
        "identity": {"state_id": STATE_ID},
        "ports": {"api": 4280, "proxy": 4290, "dns": 4300},
        "runtime": "process",
        "daemon": {"pid": 1},
        "apps/demo": {},
        "machines/0123456789abcd": {},
        "machines/0123456789abce": {"state": "stopped"},
        "machines/0123456789abcf": {"state": "destroyed"},
        "addons/fedcba9876543210": {},
        "releases/demo": [],
        "secrets/demo": {},
        "certificates/demo": {},
    }
    texts = {
        "daemon.lock": "1",
        "daemon.log": "",
        "secrets/key": "key",
        "addons/key": "key",
        "addons/fedcba9876543210/valkey.conf": "port 6379",
        "addons/fedcba9876543210/appendonlydir/base.aof": "",
        f"images/{'a' * 64}/image.json": "{}",
        "images/.tags.json": "{}",
        "logs/demo.jsonl": "",
        "logs/demo.jsonl.1": "",
        "logs/0123456789abcd.out": "",
        "python/pyvenv.cfg": "",
        "python/bin/uvicorn": "",
        "python/lib/python3.11/site-packages/packages.pth": "",
    }
    texts |= {f"{name}.json": json.dumps(document) for name, document in documents.items()}
    for name, text in texts.items():
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_text(text)
    (state / "images" / ("a" * 64)).chmod(0o555)
