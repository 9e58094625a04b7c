"""An update that does not follow from its preview is refused."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from flygate.program import preview_note
from flygate.program.preview_note import PreviewNote
from flygate.system.errors import MovedError


@pytest.fixture(autouse=True)
def _below_pulumi(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests run below no CLI; here they do."""
    monkeypatch.setattr(preview_note, "ancestor", lambda _: os.getpid())


def test_an_update_after_its_preview_goes_on(tmp_path: Path) -> None:
    """The same live state was found."""
    note = PreviewNote(tmp_path, "shop")
    note.write("as it was", ["a line"])
    assert note.lines == ["a line"]
    note.check("as it was")


def test_an_update_of_what_moved_is_refused_once(tmp_path: Path) -> None:
    """The operator looks at a new preview; the old one is forgotten."""
    note = PreviewNote(tmp_path, "shop")
    note.write("as it was", [])
    with pytest.raises(MovedError, match="changed since the preview"):
        note.check("as it is")
    note.check("as it is")


def test_an_update_without_a_preview_is_compared_with_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None was made, or by another run of the CLI, or so long ago that it belongs to no update."""
    note = PreviewNote(tmp_path, "shop")
    note.check("as it is")
    note.write("as it was", [])
    with monkeypatch.context() as another:
        another.setattr(preview_note, "ancestor", lambda _: 1)
        note.check("as it is")
    note.write("as it was", [])
    an_hour_later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: an_hour_later)
    note.check("as it is")
