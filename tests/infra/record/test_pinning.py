"""Which pin holds: the recorded one, until an operator goes forward."""

from __future__ import annotations

import pytest
from flygate.config import Pin
from flygate.record import pinning
from flygate.record.ledger import Ledger
from flygate.system.errors import PinnedError

from tests.infra.builders import release

EARLY, NOON, LATE = "2026-11-29T08:00:00+00:00", "2026-11-29T12:00:00+00:00", "2026-11-29T20:00:00"
PIN = Pin(version="v7", manifest="good", by="ann@laptop", at=NOON, reason="errors since v8")
PINNED = Ledger().pinned(PIN)


@pytest.mark.parametrize(
    "asked",
    [
        None,
        Pin(version="v5", manifest="older", by="bob@ci", at=EARLY),
        Pin(version="v5", manifest="older"),
    ],
    ids=["a fresh clone", "a pin of before", "a pin without a date"],
)
def test_what_would_leave_the_pin_is_refused(asked: Pin | None) -> None:
    """Who pinned what, when and why, and what to type."""
    with pytest.raises(PinnedError) as refused:
        pinning.holding(asked, PINNED, "prod")

    for word in ("v7", "ann@laptop", NOON, "errors since v8", "`flygate forward prod`"):
        assert word in str(refused.value)


def test_the_recorded_pin_is_what_a_pinned_run_asks_for() -> None:
    """Whatever the file says of who and why: the inputs are those of before, so nothing changes."""
    asked = Pin(version="v9", manifest="good", by="bob@ci", at=LATE, reason="edited")

    assert pinning.holding(asked, PINNED, "prod") is PIN


def test_a_later_way_back_that_is_held_goes_on() -> None:
    """Its pin is in the file of who ordered it, and not yet recorded."""
    held = Pin(version="v5", manifest="older", at=LATE)

    assert pinning.holding(held, PINNED, "prod") is held


def test_a_stack_that_an_older_flygate_pinned_stays_pinned() -> None:
    """Its ledger knows of no pin."""
    assert pinning.holding(PIN, Ledger(), "prod") is PIN
    assert pinning.holding(Pin(version="v7", manifest="good"), Ledger(), "prod")
    assert pinning.holding(None, Ledger(), "prod") is None


@pytest.mark.parametrize("ended", [NOON, LATE])
def test_a_pin_that_an_operator_ended_does_not_come_back_by_a_file(ended: str) -> None:
    """The file of who went back still carries it; what to type is said."""
    with pytest.raises(PinnedError, match="pulumi config rm pin --stack prod"):
        pinning.holding(PIN, PINNED.unpinned(ended), "prod")


def test_a_pin_of_after_the_end_holds() -> None:
    """It is another rollback's."""
    assert pinning.holding(PIN, Ledger().unpinned(EARLY), "prod") is PIN


def test_the_pin_survives_being_written_and_joined() -> None:
    """Also with an older copy beside it that lacks it, or has another one."""
    ledger = Ledger.parse(PINNED.add(release(8), {}).dumps())
    older = Ledger().add(release(7), {})

    assert ledger.pin == PIN
    assert ledger.joined(older).pin == PIN
    assert ledger.unpinned(LATE).joined(ledger).pin is None


def test_a_ledger_without_a_pin_has_the_form_of_before() -> None:
    """A Flygate that knows of no pins can read it."""
    assert not {"pin", "unpinned_at"} & set(Ledger().add(release(1), {}).content().split('"'))


@pytest.mark.parametrize(
    ("ledger", "is_back"),
    [
        (Ledger(), False),
        (Ledger(releases=(release(2),)), False),
        (Ledger(releases=(release(2),)).pinned(PIN), True),
        (Ledger(releases=(release(3, rollback_of=1),)), True),
        (Ledger(releases=(release(3, rollback_of=1),)).unpinned(LATE), False),
    ],
    ids=["empty", "forward", "pinned", "pinned by an older Flygate", "forward to the same"],
)
def test_the_last_way_back_is_known(ledger: Ledger, is_back: bool) -> None:
    """By the pin, or where an older Flygate recorded none by the newest release."""
    assert ledger.is_back == is_back


def test_the_pin_that_holds_is_laid_over_the_configuration() -> None:
    """In place of the file's, which may be another one, or none."""
    assert pinning.laid({"app": "shop", "pin": "{}"}, None) == {"app": "shop"}
    assert Pin.model_validate_json(pinning.laid({"app": "shop"}, PIN)["pin"]) == PIN
