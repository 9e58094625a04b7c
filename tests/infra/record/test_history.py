"""Which release a rollback goes back to."""

from __future__ import annotations

import pytest
from flygate.record import history
from flygate.record.history import Entry, rollback_target
from flygate.system.errors import LedgerError
from hypothesis import given
from hypothesis import strategies as st

from tests.infra.builders import entry

# Newest first, as the stack's output has them.
ONE_AFTER_THE_OTHER = [entry(3, "c"), entry(2, "b"), entry(1, "a")]
BACK_TO_1 = [entry(3, "a", rollback_of=1), entry(2, "bad"), entry(1, "a")]
AGAIN_FORWARD = [entry(4, "worse"), *BACK_TO_1]
BACK_FROM_FORWARD = [entry(5, "a", rollback_of=3), *AGAIN_FORWARD]
FORWARD_TO_THE_SAME = [entry(4, "bad"), *BACK_TO_1]
AFTER_THE_REPAIR = [entry(5, "repair"), *FORWARD_TO_THE_SAME]
RELEASED_AGAIN = [entry(3, "b"), entry(2, "b"), entry(1, "a")]
BACK_OVER_TWO = [entry(5, "d"), entry(4, "a", rollback_of=1), *ONE_AFTER_THE_OTHER]
BACK_TWICE = [entry(5, "a", rollback_of=1), entry(4, "b", rollback_of=2), *ONE_AFTER_THE_OTHER]


@pytest.mark.parametrize(
    ("past", "expected"),
    [
        (ONE_AFTER_THE_OTHER, "v2"),
        (AGAIN_FORWARD, "v3"),
        ([entry(6, "next"), *BACK_FROM_FORWARD], "v5"),
        (AFTER_THE_REPAIR, "v4"),
        (RELEASED_AGAIN, "v1"),
        (BACK_OVER_TWO, "v4"),
        ([entry(6, "e"), *BACK_TWICE], "v5"),
    ],
)
def test_by_default_it_is_the_newest_good_release_before(past: list[Entry], expected: str) -> None:
    """What a rollback left is not good, until an operator goes forward to it."""
    assert rollback_target(past).version == expected


@pytest.mark.parametrize("past", [BACK_TO_1, BACK_FROM_FORWARD, BACK_TWICE])
def test_typed_again_it_leads_to_what_serves(past: list[Entry]) -> None:
    """Neither one further back, nor to the bad release that was left."""
    assert rollback_target(past, is_back=True) is past[0]


def test_what_serves_unrecorded_is_what_is_taken_back() -> None:
    """The newest recorded release is the one before it, whatever brought that about."""
    assert rollback_target(BACK_TO_1, unrecorded="new", is_back=True).version == "v3"


def test_what_serves_unrecorded_may_be_a_way_back_that_died() -> None:
    """Typed again it leads where it led, and not to the bad release that it left."""
    left = [entry(2, "bad"), entry(1, "a")]
    assert rollback_target(left, unrecorded="a").version == "v1"


def test_where_nothing_good_is_left_the_others_can_be_named() -> None:
    """The pin was ended, and what the checkout asks for is what served."""
    with pytest.raises(LedgerError, match=r"no release before v3 to go back to.*--to: v2"):
        rollback_target(BACK_TO_1)


def test_a_single_release_has_nothing_before_it() -> None:
    """There is nothing to name, so nothing is named."""
    with pytest.raises(LedgerError, match=r"no release before v1 to go back to\.$"):
        rollback_target([entry(1, "a")])


def test_nothing_released_is_said_so() -> None:
    """A new stack has no past."""
    with pytest.raises(LedgerError, match="Nothing was released yet"):
        rollback_target([])


@pytest.mark.parametrize("wanted", ["v1", "1"])
def test_a_release_can_be_named(wanted: str) -> None:
    """With or without its `v`."""
    assert rollback_target(ONE_AFTER_THE_OTHER, wanted).version == "v1"


def test_an_unknown_release_is_refused_with_the_known_ones() -> None:
    """The operator sees what there is to choose from."""
    with pytest.raises(LedgerError, match=r"no release v9 in the ledger; it has v3, v2, v1"):
        rollback_target(ONE_AFTER_THE_OTHER, "v9")


@pytest.mark.parametrize(("past", "wanted"), [(ONE_AFTER_THE_OTHER, "v3"), (BACK_TO_1, "v1")])
def test_what_runs_now_may_be_named_and_changes_nothing(past: list[Entry], wanted: str) -> None:
    """Also when it runs under another version, after a rollback."""
    assert rollback_target(past, wanted) is past[0]


class Stack:
    """A stack as operators use it, with all that the rule must know by other means.

    Attributes:
        past: newest first.
        is_back: nothing but rollbacks came since a rollback.
        fled: version → it was left by a rollback.
    """

    def __init__(self) -> None:
        self.past = [entry(1, "a")]
        self.is_back = False
        self.fled: dict[int, bool] = {}

    def forward(self, manifest: str) -> None:
        """An operator deploys a manifest, and ends the pin if there is one."""
        self.is_back = False
        if manifest != self.past[0].manifest:
            self._release(manifest, None)

    def back(self, wanted: str | None = None) -> Entry | None:
        """Run `flygate rollback`; return where it led."""
        try:
            found = rollback_target(self.past, wanted, is_back=self.is_back)
        except LedgerError:
            return None
        self.is_back = True
        if found is not self.past[0]:
            self._release(found.manifest, int(found.version[1:]))
        return found

    def _release(self, manifest: str, rollback_of: int | None) -> None:
        newest = int(self.past[0].version[1:])
        self.fled[newest] = rollback_of is not None
        self.past = [entry(newest + 1, manifest, rollback_of), *self.past][:10]


@st.composite
def stacks(draw: st.DrawFn) -> Stack:
    """Whatever operators did so far, as the last ten releases show it."""
    stack = Stack()
    for _ in range(draw(st.integers(0, 14))):
        match draw(st.sampled_from(["forward", "back", "name"])):
            case "forward":
                stack.forward(draw(st.sampled_from("abcdef")))
            case "back":
                stack.back()
            case _:
                stack.back(draw(st.sampled_from([one.version for one in stack.past])))
    return stack


@given(stack=stacks())
def test_a_way_back_leads_to_the_newest_good_release(stack: Stack) -> None:
    """Another manifest than what serves, which no rollback left when it served last."""
    stack.is_back = False
    serving, before = stack.past[0], stack.past[1:]
    last = {one.manifest: int(one.version[1:]) for one in reversed(before)}
    good = [
        one
        for one in before
        if one.manifest != serving.manifest and not stack.fled[last[one.manifest]]
    ]

    assert stack.back() == (good[0] if good else None)


@given(stack=stacks(), times=st.integers(1, 4))
def test_typed_twice_it_changes_nothing_more(stack: Stack, times: int) -> None:
    """The history is as long as after the first time."""
    stack.back()
    once = stack.past

    for _ in range(times):
        stack.back()

    if stack.is_back:
        assert stack.past == once


@given(stack=stacks(), bads=st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, max_size=5))
def test_no_release_that_was_fled_comes_back_by_itself(stack: Stack, bads: list[str]) -> None:
    """Forward to something bad and back, again and again: what is good serves each time."""
    good = stack.past[0].manifest

    for bad in bads:
        stack.forward(bad)
        stack.back()
        stack.back()
        assert stack.past[0].manifest == good


def test_an_output_is_parsed_and_may_be_absent() -> None:
    """A stack that was never deployed has no output; a newer one may have more fields."""
    raw = {**entry(1, "a").model_dump(), "from_the_future": 1}

    assert history.parse(None) == []
    assert history.parse([raw]) == [entry(1, "a")]
