"""The state on disk: JSON documents."""

from pathlib import Path

import pytest
from localfly.state.store import Store

from tests.support.full_disk import files_of_at_most


def test_a_document_is_replaced_as_a_whole_and_private(tmp_path: Path) -> None:
    """No other user can read it, and no half-written file is ever in its place."""
    store = Store(tmp_path / "state")
    store.subfolder("apps")
    store.write("apps/a", {"n": 1})
    store.write("apps/a", {"n": 2})
    assert store.read("apps/a") == {"n": 2}
    assert list(store.documents("apps")) == [{"n": 2}]
    assert (tmp_path / "state/apps/a.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    store.delete("apps/a")
    store.delete("apps/a")
    assert store.read("apps/a") is None


def test_a_failed_write_leaves_the_former_document(tmp_path: Path) -> None:
    """A value that can't be written is an error, not a loss."""
    store = Store(tmp_path)
    store.write("a", {"n": 1})
    with pytest.raises(TypeError):
        store.write("a", {"n": object()})
    assert store.read("a") == {"n": 1}


def test_a_document_without_room_is_owed(tmp_path: Path) -> None:
    """It counts at once, as it was then; the disk gets it when there is room, and is never cut."""
    store = Store(tmp_path)
    store.write("a", {"n": 1})
    document = {"n": 2, "text": "x" * 200}

    with files_of_at_most(100):
        store.write("a", document)
        document["n"] = 3
        store.settle()
        on_disk = Store(tmp_path).read("a")
    owed = store.read("a")
    store.settle()

    assert on_disk == {"n": 1}
    assert owed == {"n": 2, "text": "x" * 200}
    assert Store(tmp_path).read("a") == owed
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_what_is_newer_or_deleted_is_owed_no_more(tmp_path: Path) -> None:
    """A former version never comes back."""
    store = Store(tmp_path)
    with files_of_at_most(100):
        store.write("a", "x" * 200)
        store.write("b", "x" * 200)
        store.write("a", "new")
        store.delete("b")
    store.settle()

    assert Store(tmp_path).read("a") == "new"
    assert Store(tmp_path).read("b") is None
