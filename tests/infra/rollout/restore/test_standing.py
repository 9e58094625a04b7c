"""What is said of who serves after a way back, and whether the new machines may go."""

from __future__ import annotations

import pytest
from flygate.rollout.restore.standing import Standing
from flygate.rollout.state import CANDIDATE, Seen, State

from tests.infra.builders import seen, target

OLD, OTHER = seen(1, 1), seen(1, 2)
DOWN = seen(1, 1, state="stopped")
ILL = seen(1, 1, healthy=False)
NEW = seen(2, 1, role=CANDIDATE)
CORDONED = seen(2, 1, role=CANDIDATE, cordoned=True)


def standing(*machines: Seen, before: tuple[Seen, ...] = (), former: int | None = 1) -> Standing:
    made = frozenset(m.id for m in machines if m.release == 2)
    ids = frozenset(m.id for m in before)
    return Standing(target(former=former), State("shop", machines), made, ids)


@pytest.mark.parametrize(
    ("found", "sentence", "as_before", "may_withdraw"),
    [
        (standing(OLD, before=(OLD,)), "v1 serves as before.", True, True),
        (standing(OLD, NEW, before=(OLD,)), "v1 serves as before.", True, True),
        (standing(OLD), "v1 serves as before.", True, True),
        (standing(DOWN), "No machine of v1 serves.", False, True),
        (standing(DOWN, CORDONED), "No machine of v1 serves.", False, True),
        (standing(), "No machine of v1 serves.", False, True),
        (
            standing(DOWN, NEW),
            "No machine of v1 serves; v2 stays in service (v2-iad-1).",
            False,
            False,
        ),
        (
            standing(ILL, NEW, before=(OLD,)),
            "No machine of v1 serves; v2 stays in service (v2-iad-1).",
            False,
            False,
        ),
        (
            standing(DOWN, OTHER, before=(OLD, OTHER)),
            "1 of 2 machines of v1 serve.",
            False,
            True,
        ),
        (standing(DOWN, OTHER, before=(OTHER,)), "v1 serves as before.", True, True),
        (
            standing(former=None),
            "There was no former release to go back to; nothing is left running.",
            True,
            True,
        ),
        (standing(NEW, former=None), "v2 serves still (v2-iad-1).", False, True),
        (Standing(target(), None), "Fly does not say what serves.", False, False),
    ],
)
def test_it_is_said_as_it_was_seen(
    found: Standing, sentence: str, as_before: bool, may_withdraw: bool
) -> None:
    """Exit code 2 only if all is as before; what serves goes only if something else serves."""
    assert found.sentence() == sentence
    assert found.is_as_before is as_before
    assert found.may_withdraw is may_withdraw
