"""What may go from staging to prod, and what the operator reads when it may not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flygate.config.promotion import Promotion, Receipt, check, check_soak, in_words
from flygate.system.errors import PromotionError
from pydantic import ValidationError

from tests.infra.builders import IMAGE

STOOD = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
RECEIPT = Receipt(
    stack="staging", release="v12", manifest="0123456789ab", image=IMAGE, healthy_since=STOOD
)


def promoted(after: timedelta = timedelta(hours=26), override: str = "") -> Promotion:
    """What `flygate promote` would have written so long after staging's release stood."""
    return Promotion(
        source="staging", soak="24h", receipt=RECEIPT, at=STOOD + after, override=override
    )


def refusal(promotion: Promotion, image: str = IMAGE) -> str:
    with pytest.raises(PromotionError) as error:
        check(promotion, image)
    return str(error.value)


def test_what_soaked_may_go() -> None:
    """Just at its time, too."""
    check(promoted(), IMAGE)
    check(promoted(after=timedelta(hours=24)), IMAGE)


def test_what_has_not_soaked_is_refused_with_the_time_left() -> None:
    """The operator reads how long to wait, and how to say that it can't."""
    text = refusal(promoted(after=timedelta(hours=23, minutes=30)))
    assert "staging v12 has been healthy for 23h 30m" in text
    assert "asks for 24h. Wait 30m more" in text
    assert '--override "<reason>"' in text


def test_a_reason_overrides_and_is_recorded() -> None:
    """The ledger keeps what this says."""
    early = promoted(after=timedelta(hours=2), override="fixes the outage")
    check(early, IMAGE)
    assert early.describe() == "staging v12, soaked 2h of 24h, overridden: fixes the outage"


def test_an_override_that_was_not_needed_is_not_reported() -> None:
    """It soaked: there was nothing to override."""
    assert promoted(override="hurry").describe() == "staging v12, soaked 1d 2h"


def test_another_image_than_the_promoted_one_is_refused() -> None:
    """An image set by hand was not proved, nor was what prod would build itself."""
    other = IMAGE.replace("a" * 64, "b" * 64)
    assert f"promoted was {IMAGE} (staging v12)" in refusal(promoted(), other)
    assert "runs only what staging proved" in refusal(promoted(), "source")


def test_before_the_first_promotion_the_command_is_named() -> None:
    """A new prod stack says what to type."""
    assert "Run `flygate promote`" in refusal(Promotion(source="staging"))


def test_a_receipt_of_another_stack_is_refused() -> None:
    """`from` was changed after the promotion."""
    moved = promoted().model_copy(update={"source": "qa"})
    assert "The receipt is of staging" in refusal(moved)


def test_a_clock_that_went_back_proves_nothing() -> None:
    """A receipt from the future has soaked for no time at all."""
    with pytest.raises(PromotionError, match="healthy for 0s"):
        check_soak(promoted(after=timedelta(hours=-1)))


def test_a_receipt_without_its_time_is_no_promotion() -> None:
    """Half of what the command writes is a mistake of an editor."""
    with pytest.raises(ValidationError, match="receipt and at go together"):
        Promotion(source="staging", receipt=RECEIPT)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0s"), (40, "40s"), (7500, "2h 5m"), (86_400, "1d"), (93_784, "1d 2h")],
)
def test_times_are_shown_in_two_units(seconds: int, words: str) -> None:
    """A reader should not have to count seconds in a day."""
    assert in_words(timedelta(seconds=seconds)) == words
