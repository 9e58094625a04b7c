"""Which release a rollback goes back to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import history
from infra.errors import LedgerError
from infra.history import Entry, rollback_target
from tests.infra.builders import entry

# Newest first, as the stack's output has them.
ONE_AFTER_THE_OTHER = [entry(3, "c"), entry(2, "b"), entry(1, "a")]
BACK_TO_1 = [entry(3, "a", rollback_of=1), entry(2, "b"), entry(1, "a")]
BACK_TO_2 = [entry(4, "b", rollback_of=2), *ONE_AFTER_THE_OTHER]
BACK_TWICE = [entry(5, "a", rollback_of=1), *BACK_TO_2]
AGAIN_FORWARD = [entry(4, "c"), *BACK_TO_1]
RELEASED_AGAIN = [entry(3, "b"), entry(2, "b"), entry(1, "a")]


@pytest.mark.parametrize(
    ("past", "expected"),
    [
        (ONE_AFTER_THE_OTHER, "v2"),
        (BACK_TO_2, "v1"),
        (AGAIN_FORWARD, "v3"),
        (RELEASED_AGAIN, "v1"),
    ],
)
def test_by_default_it_is_the_release_before(past: list[Entry], expected: str) -> None:
    """After a rollback, another one goes further back and not to what was rolled back from."""
    assert rollback_target(past, None).version == expected


@pytest.mark.parametrize("past", [BACK_TO_1, BACK_TWICE])
def test_from_the_oldest_there_is_no_way_back_but_by_name(past: list[Entry]) -> None:
    """What is left to choose is named, and how."""
    with pytest.raises(LedgerError, match=r"no release before v1 to go back to.*--to: .*v2"):
        rollback_target(past, None)


def test_a_single_release_has_nothing_before_it() -> None:
    """There is nothing to name, so nothing is named."""
    with pytest.raises(LedgerError, match=r"no release before v1 to go back to\.$"):
        rollback_target([entry(1, "a")], None)


def test_nothing_released_is_said_so() -> None:
    """A new stack has no past."""
    with pytest.raises(LedgerError, match="Nothing was released yet"):
        rollback_target([], None)


@pytest.mark.parametrize("wanted", ["v1", "1"])
def test_a_release_can_be_named(wanted: str) -> None:
    """With or without its `v`."""
    assert rollback_target(ONE_AFTER_THE_OTHER, wanted).version == "v1"


def test_an_unknown_release_is_refused_with_the_known_ones() -> None:
    """The operator sees what there is to choose from."""
    with pytest.raises(LedgerError, match=r"no release v9 in the ledger; it has v3, v2, v1"):
        rollback_target(ONE_AFTER_THE_OTHER, "v9")


@pytest.mark.parametrize(("past", "wanted"), [(ONE_AFTER_THE_OTHER, "v3"), (BACK_TO_1, "v1")])
def test_what_runs_now_is_no_target(past: list[Entry], wanted: str) -> None:
    """Also when it runs under another version, after a rollback."""
    with pytest.raises(LedgerError, match=f"{wanted} is what runs now"):
        rollback_target(past, wanted)


@st.composite
def pasts(draw: st.DrawFn) -> list[Entry]:
    """Histories as `up` and `rollback` make them, perhaps with the oldest trimmed away."""
    past: list[Entry] = []
    for version in range(1, draw(st.integers(1, 9)) + 1):
        olds = [old for old in past if not old.rollback_of and old.manifest != past[0].manifest]
        goes_back: bool = draw(st.booleans())
        if olds and goes_back:
            old = draw(st.sampled_from(olds))
            past.insert(0, entry(version, old.manifest, rollback_of=int(old.version[1:])))
        else:
            past.insert(0, entry(version, draw(st.sampled_from("abcd"))))
    return past[: draw(st.integers(1, len(past)))]


@given(past=pasts())
def test_a_target_is_always_another_older_manifest(past: list[Entry]) -> None:
    """Whatever happened before, a rollback changes what runs, and goes back."""
    current = past[0]
    origin = int((current.rollback_of or current.version)[1:])
    try:
        found = rollback_target(past, None)
    except LedgerError:
        older = [e for e in past if int(e.version[1:]) < origin]
        assert all(e.manifest == current.manifest for e in older)
    else:
        assert found in past
        assert found.manifest != current.manifest
        assert int(found.version[1:]) < origin


@given(past=pasts())
def test_rollbacks_one_after_the_other_come_to_an_end(past: list[Entry]) -> None:
    """They never swing between two releases: each goes further back, until none is left."""
    origins = []
    for _ in range(len(past) + 1):
        try:
            found = rollback_target(past, None)
        except LedgerError:
            break
        origins.append(int(found.version[1:]))
        newest = int(past[0].version[1:])
        past = [entry(newest + 1, found.manifest, rollback_of=origins[-1]), *past]
    else:
        pytest.fail(f"never ends: {origins}")

    assert origins == sorted(origins, reverse=True)


def test_an_output_is_parsed_and_may_be_absent() -> None:
    """A stack that was never deployed has no output; a newer one may have more fields."""
    raw = {**entry(1, "a").model_dump(), "from_the_future": 1}

    assert history.parse(None) == []
    assert history.parse([raw]) == [entry(1, "a")]
