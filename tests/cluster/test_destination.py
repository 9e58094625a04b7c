"""Where a request is served."""

from typing import Any

import pytest
from flygate_service.cluster.destination import (
    LARGEST_BODY,
    Arrival,
    Destination,
    FairShare,
    Here,
    Reason,
    Replay,
    Way,
    destination_of,
)
from hypothesis import given
from hypothesis import strategies as st

CASES: list[tuple[dict[str, Any], Destination]] = [
    ({}, Replay("owner")),
    ({"here": "owner"}, Here(Way.OWNER)),
    ({"here": "owner", "was_replayed": True}, Here(Way.ARRIVED)),
    ({"here": "owner", "is_forced": True, "body_bytes": None}, Here(Way.OWNER)),
    ({"is_denied": True}, Here(Way.DENIED)),
    ({"unavailable": "owner"}, FairShare(Reason.UNAVAILABLE)),
    ({"unavailable": "owner", "was_replayed": True}, FairShare(Reason.UNAVAILABLE)),
    # A route that the proxy remembers leads to a machine that is gone: there is an owner still.
    ({"unavailable": "gone"}, Replay("owner")),
    ({"was_replayed": True}, FairShare(Reason.DISAGREEMENT)),
    ({"unavailable": "owner", "stand_in": "next"}, Replay("next", is_sent_on=True)),
    (
        {"unavailable": "owner", "stand_in": "next", "was_replayed": True},
        Replay("next", is_sent_on=True),
    ),
    ({"unavailable": "gone", "stand_in": "next"}, Replay("owner")),
    (
        {"unavailable": "owner", "stand_in": "next", "body_bytes": None},
        FairShare(Reason.UNAVAILABLE),
    ),
    (
        {"unavailable": "owner", "stand_in": "next", "is_forced": True},
        FairShare(Reason.UNAVAILABLE),
    ),
    ({"was_replayed": True, "was_sent_on": True}, FairShare(Reason.UNAVAILABLE)),
    ({"here": "owner", "was_replayed": True, "was_sent_on": True}, Here(Way.ARRIVED)),
    ({"is_forced": True}, FairShare(Reason.FORCED)),
    ({"body_bytes": LARGEST_BODY}, Replay("owner")),
    ({"body_bytes": LARGEST_BODY + 1}, FairShare(Reason.BODY)),
    ({"body_bytes": None}, FairShare(Reason.BODY)),
]


@pytest.mark.parametrize(("facts", "expected"), CASES)
def test_each_case(facts: dict[str, Any], expected: Destination) -> None:
    """One row of the table in docs/affinity.md."""
    assert destination_of(Arrival(**{"owner": "owner", "here": "here", **facts})) == expected


@given(
    unavailable=st.sampled_from(["", "owner", "other"]),
    is_forced=st.booleans(),
    was_replayed=st.booleans(),
    body_bytes=st.none() | st.integers(0, 2 * LARGEST_BODY),
)
def test_no_header_gives_a_client_a_quota_on_each_machine(**facts: Any) -> None:
    """Whatever a client writes, only the owner serves it in full."""
    decision = destination_of(Arrival(owner="owner", here="here", **facts))

    assert not isinstance(decision, Here)


@given(is_denied=st.booleans(), unavailable=st.sampled_from(["", "owner", "other"]))
def test_nothing_is_replayed_twice(is_denied: bool, unavailable: str) -> None:
    """Two machines that disagree do not send a request to and fro."""
    arrival = Arrival("owner", "here", True, unavailable, is_denied=is_denied)

    assert not isinstance(destination_of(arrival), Replay)


@given(
    is_denied=st.booleans(),
    was_replayed=st.booleans(),
    unavailable=st.sampled_from(["", "owner", "next", "other"]),
    stand_in=st.sampled_from(["", "next"]),
)
def test_nothing_is_sent_on_twice(**facts: Any) -> None:
    """Where the stand-in can't be reached either, who gets the request serves it."""
    arrival = Arrival(owner="owner", here="here", was_sent_on=True, **facts)

    assert not isinstance(destination_of(arrival), Replay)
