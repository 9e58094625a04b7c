"""A state that Pulumi cut off on a full disk, and the copy from which it comes again."""

from __future__ import annotations

from pathlib import Path

import pytest
from flygate.pulumi import state as pulumi_state

from tests.support.full_disk import files_of_at_most

WHOLE = '{"version": 3, "checkpoint": {}}'
CUT = WHOLE[:20]
STATE = "stacks/flygate/local.json"
BAK = "stacks/flygate/local.json.bak"
BACKUPS = "backups/flygate/local/local"
HISTORY = "history/flygate/local/local"


def laid(folder: Path, **texts: str) -> dict[str, str]:
    """Files below `.pulumi`; the environment that says where it is."""
    for name, text in texts.items():
        path = folder / ".pulumi" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return {"PULUMI_BACKEND_URL": f"file://{folder}"}


@pytest.mark.parametrize("text", ["", CUT])
def test_the_newest_whole_copy_takes_its_place(tmp_path: Path, text: str) -> None:
    """That of the last write, if the disk was not full then."""
    old = {f"{BACKUPS}.100.json": "{}", f"{HISTORY}-100.checkpoint.json": "{}"}
    environment = laid(tmp_path, **{STATE: text, BAK: WHOLE, **old})

    cut = pulumi_state.find_cut(environment, "local")
    assert cut is not None
    cut.restore()

    assert f"cut off at {len(text)} bytes" in str(cut)
    assert (tmp_path / ".pulumi" / STATE).read_text() == WHOLE
    assert pulumi_state.find_cut(environment, "local") is None


def test_a_copy_that_is_cut_off_itself_is_passed_over(tmp_path: Path) -> None:
    """The newest of the others comes."""
    copies = {BAK: CUT, f"{BACKUPS}.100.json": "{}", f"{BACKUPS}.200.json": WHOLE}
    environment = laid(tmp_path, **{STATE: CUT, **copies, f"{BACKUPS}.300.json": CUT})

    cut = pulumi_state.find_cut(environment, "local")

    assert cut is not None
    assert cut.copy == tmp_path / ".pulumi" / f"{BACKUPS}.200.json"


def test_without_room_for_the_copy_nothing_is_done(tmp_path: Path) -> None:
    """Neither the state nor its copy is lost."""
    environment = laid(tmp_path, **{STATE: CUT, BAK: WHOLE})
    cut = pulumi_state.find_cut(environment, "local")
    assert cut is not None

    with files_of_at_most(10), pytest.raises(OSError, match="too large"):
        cut.restore()

    assert (tmp_path / ".pulumi" / STATE).read_text() == CUT
    assert (tmp_path / ".pulumi" / BAK).read_text() == WHOLE


@pytest.mark.parametrize("backend", ["", "s3://bucket", "file:///nowhere"])
def test_where_none_can_be_seen_none_is_cut_off(backend: str) -> None:
    """A stack that is not made yet has none, either."""
    assert pulumi_state.find_cut({"PULUMI_BACKEND_URL": backend}, "local") is None


def test_a_whole_state_is_none(tmp_path: Path) -> None:
    """The ordinary case."""
    assert pulumi_state.find_cut(laid(tmp_path, **{STATE: WHOLE}), "local") is None
