"""The release that a way back leads to, and the text for the operator."""

from __future__ import annotations

from pathlib import Path

from flygate.commands.decision import Newest
from flygate.commands.orders import Back
from flygate.program.way_back import WayBack, WayBackNote
from flygate.record.ledger import Ledger

from tests.infra.builders import release

AT = "2026-11-29T12:00:00+00:00"
RECORDED = Newest()
ORDER = Back(by="ann@laptop", at=AT, reason="errors", fast=True)


def ledger(count: int) -> Ledger:
    """Releases v1 to vN, each of a manifest of its own."""
    return Ledger(releases=tuple(map(release, range(1, count + 1))))


def test_the_pin_says_who_when_and_why() -> None:
    """As the operator typed it, with the release that the rule found."""
    chosen = WayBack.of(ORDER, ledger(3), RECORDED)

    assert (chosen.pin.version, chosen.pin.manifest) == ("v2", "manifest2")
    assert (chosen.pin.by, chosen.pin.at, chosen.pin.reason) == ("ann@laptop", AT, "errors")
    assert chosen.pin.fast
    assert chosen.describe("prod") == "rolling back prod from v3 to v2"


def test_typed_again_the_pin_is_the_recorded_one() -> None:
    """So no input changes; the text says how to go further, good releases first."""
    first = WayBack.of(ORDER, ledger(3), RECORDED)
    back = release(4, manifest_id="manifest2", rollback_of=2)
    pinned = Ledger(releases=(*ledger(3).releases, back)).pinned(first.pin)

    again = WayBack.of(Back(by="bob@ci", at=AT), pinned, RECORDED)

    assert again.pin == first.pin
    assert not again.changes
    assert again.describe("prod") == (
        "prod is back at v2 already, as v4: nothing is to be changed. Further back: `flygate "
        "rollback prod --to v1`. Left by a rollback: v3."
    )


def test_what_serves_unrecorded_is_left_for_the_newest_recorded_release() -> None:
    """Also where the stack is pinned to that one."""
    recorded = ledger(3)
    pinned = recorded.pinned(WayBack.of(Back(to="v3", by="ann", at=AT), recorded, RECORDED).pin)

    for known in (recorded, pinned):
        chosen = WayBack.of(ORDER, known, Newest(4, "manifest4"))
        assert chosen.describe("prod") == "rolling back prod from v4 to v3"


def test_a_way_back_that_died_before_it_was_recorded_leads_there_again() -> None:
    """Its release serves: v3, which it left, must not come back."""
    chosen = WayBack.of(ORDER, ledger(3), Newest(4, "manifest2"))

    assert (chosen.pin.version, chosen.pin.manifest) == ("v2", "manifest2")
    assert chosen.describe("prod").startswith("prod is back at v2 already, as v4: nothing")


def test_what_runs_can_be_pinned_by_its_name() -> None:
    """Nothing is released; where it is the only one, no other is named."""
    chosen = WayBack.of(Back(to="v1", by="ann", at=AT), ledger(1), RECORDED)

    assert chosen.pin.manifest == "manifest1"
    said = chosen.describe("prod")
    assert said == "prod runs v1: nothing is to be changed. No good release is further back."


def test_a_choice_is_noted_until_the_next_order(tmp_path: Path) -> None:
    """A run that makes no choice leaves no note."""
    note, chosen = WayBackNote(tmp_path, "shop"), WayBack.of(ORDER, ledger(3), RECORDED)
    assert note.read() is None

    note.write(chosen)
    assert note.read() == chosen
    note.forget()

    assert note.read() is None


def test_the_pin_runs_a_release_command_only_if_it_was_ordered() -> None:
    """Pins of an older Flygate have none."""
    ordered = Back(by="ann", at=AT, release_command=True)

    assert WayBack.of(ordered, ledger(3), RECORDED).pin.release_command
    assert not WayBack.of(Back(by="ann", at=AT), ledger(3), RECORDED).pin.release_command
