"""How two releases share the clients."""

import pytest
from flygate_service.cluster.ring import Member, Ring
from flygate_service.cluster.shared_ring import ring_of
from flygate_wire.share_order import ShareOrder
from hypothesis import given, settings
from hypothesis import strategies as st

SEED = b"a seed"
CLIENTS = [f"192.0.{n // 256}.{n % 256}" for n in range(2_000)]
NEW = [Member("new1"), Member("new2")]
FORMER = [Member("old1"), Member("old2"), Member("old3")]
percents = st.integers(0, 100)


def made(percent: int, version: int = 1) -> ShareOrder:
    """An order for the machines of this file."""
    new, former = (frozenset(m.id for m in side) for side in (NEW, FORMER))
    return ShareOrder(version, percent, new, former)


def owners(percent: int, members: list[Member] | None = None) -> list[Member]:
    """The owner of each client."""
    ring = ring_of(members or [*NEW, *FORMER], made(percent), SEED)
    return [ring.owner(client) for client in CLIENTS]


@settings(max_examples=20, deadline=None)
@given(percents, percents)
def test_clients_move_to_the_new_release_only_as_the_share_grows(one: int, other: int) -> None:
    """And no client changes machines within a release."""
    low, high = sorted((one, other))

    for before, after in zip(owners(low), owners(high), strict=True):
        assert before == after or (before in FORMER and after in NEW)


@settings(max_examples=20, deadline=None)
@given(percents)
def test_the_new_release_has_its_share(percent: int) -> None:
    """Within what chance allows; all of them at 100, and none at 0."""
    count = sum(owner in NEW for owner in owners(percent))

    fair = len(CLIENTS) * percent / 100
    assert abs(count - fair) <= 5 * (fair * (1 - percent / 100)) ** 0.5


def test_a_release_shares_its_clients_out_as_ever() -> None:
    """Those that stay have the owners that they had."""
    alone = Ring(FORMER, SEED)

    for client, owner in zip(CLIENTS, owners(10), strict=True):
        assert owner in NEW or owner == alone.owner(client)


@pytest.mark.parametrize("percent", [0, 50, 100])
def test_where_one_side_is_gone_the_other_has_all_clients(percent: int) -> None:
    """An order is void then: a machine that was killed takes no client down with it."""
    assert set(owners(percent, FORMER)) == set(FORMER)
    assert set(owners(percent, NEW)) == set(NEW)
    later = [Member("later1"), Member("later2")]
    assert set(owners(percent, [*NEW, *later])) == {*NEW, *later}


def test_a_machine_that_the_order_does_not_know_owns_no_client() -> None:
    """It may be anything."""
    stranger = Member("stranger")

    assert stranger not in owners(50, [*NEW, *FORMER, stranger])
