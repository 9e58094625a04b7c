"""Who owns which client."""

from collections import Counter

import pytest
from flygate_service.cluster.ring import Member, Ring
from hypothesis import given, settings
from hypothesis import strategies as st

CLIENTS = [f"192.0.{n // 256}.{n % 256}" for n in range(3_000)]
ids = st.text("0123456789abcdef", min_size=14, max_size=14)
fleets = st.lists(ids, min_size=2, max_size=8, unique=True).map(
    lambda names: [Member(name, "iad") for name in names]
)


def owners(members: list[Member], seed: bytes = b"") -> list[Member]:
    """The owner of each client."""
    ring = Ring(members, seed)
    return [ring.owner(client) for client in CLIENTS]


@settings(max_examples=15, deadline=None)
@given(fleets)
def test_each_has_its_share(members: list[Member]) -> None:
    """No machine owns many more clients than another of the same weight."""
    counts = Counter(owners(members))

    fair = len(CLIENTS) / len(members)
    assert all(abs(counts[member] - fair) < 6 * fair**0.5 for member in members)


@settings(max_examples=15, deadline=None)
@given(fleets)
def test_who_leaves_moves_its_own_clients_only(members: list[Member]) -> None:
    """And so who joins takes clients, and moves none between the others."""
    gone = members[0]

    moved = [
        (before, after)
        for before, after in zip(owners(members), owners(members[1:]), strict=True)
        if before != after
    ]

    assert {before for before, _ in moved} == {gone}


@settings(max_examples=15, deadline=None)
@given(fleets, st.integers(2, 6))
def test_a_weight_is_a_share(members: list[Member], weight: int) -> None:
    """A machine of weight w owns w times as many clients as each of the others."""
    heavy = Member(members[0].id, "iad", float(weight))
    all_of_them = [heavy, *members[1:]]

    count = Counter(owners(all_of_them))[heavy]

    fair = len(CLIENTS) * weight / (weight + len(members) - 1)
    assert abs(count - fair) < 6 * fair**0.5


@given(fleets)
@settings(max_examples=15, deadline=None)
def test_all_machines_agree(members: list[Member]) -> None:
    """In whatever order they got to know the members."""
    shuffled = sorted(members, key=lambda member: member.id[::-1])

    assert owners(members)[:200] == owners([*shuffled, members[0]])[:200]


def test_the_owner_is_not_known_without_the_seed() -> None:
    """Another seed is another order."""
    members = [Member("a"), Member("b")]

    assert owners(members, b"one") != owners(members, b"two")


@pytest.mark.parametrize("members", [[], [Member("a", "iad", 0.0)]])
def test_a_ring_without_members_is_refused(members: list[Member]) -> None:
    """There would be no owner."""
    with pytest.raises(ValueError, match="weights above 0"):
        Ring(members)
