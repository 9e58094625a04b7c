"""How two releases share the clients."""

import pytest
from flygate.rollout.clients.order import Order as Written
from flygate_service.cluster.errors import FormatError
from flygate_service.cluster.order import Order, Seal
from flygate_service.cluster.ring import Member, Ring
from flygate_service.cluster.shared_ring import ring_of
from hypothesis import given, settings
from hypothesis import strategies as st

KEY, APP, SEED = "a key that only the tests have", "shop", b"a seed"
CLIENTS = [f"192.0.{n // 256}.{n % 256}" for n in range(2_000)]
NEW = [Member("new1"), Member("new2")]
FORMER = [Member("old1"), Member("old2"), Member("old3")]
percents = st.integers(0, 100)


def made(percent: int, version: int = 1) -> Order:
    """An order for the machines of this file."""
    new, former = (frozenset(m.id for m in side) for side in (NEW, FORMER))
    return Order(version, percent, new, former)


def owners(percent: int, members: list[Member] | None = None) -> list[Member]:
    """The owner of each client."""
    ring = ring_of(members or [*NEW, *FORMER], made(percent), SEED)
    return [ring.owner(client) for client in CLIENTS]


@settings(max_examples=20, deadline=None)
@given(percents, percents)
def test_nobody_moves_but_to_the_new_release_as_the_share_grows(one: int, other: int) -> None:
    """And nobody changes machines within a release."""
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
def test_where_one_side_is_gone_the_other_has_everybody(percent: int) -> None:
    """An order is void then: a machine that was killed takes nobody down with it."""
    assert set(owners(percent, FORMER)) == set(FORMER)
    assert set(owners(percent, NEW)) == set(NEW)
    later = [Member("later1"), Member("later2")]
    assert set(owners(percent, [*NEW, *later])) == {*NEW, *later}


def test_a_machine_that_the_order_does_not_know_owns_nobody() -> None:
    """It may be anything."""
    stranger = Member("stranger")

    assert stranger not in owners(50, [*NEW, *FORMER, stranger])


def test_who_loses_clients_and_to_whom() -> None:
    """The limits go the same way, forth and back."""
    new, former = made(0).new, made(0).former

    assert made(10).gainers("old1", before=1) == new
    assert made(10).gainers("new1", before=1) == frozenset()
    assert made(0).gainers("new1", before=10) == former
    assert made(10).gainers("old1", before=10) == frozenset()
    assert made(10).gainers("stranger", before=1) == frozenset()


def test_machines_read_what_the_engine_writes() -> None:
    """The two don't share code, but the form."""
    order = Written(APP, 7, 10, ("new1", "new2"), ("old1",)).signed(KEY)

    read = Seal(KEY, APP).read(order)

    assert read == Order(7, 10, frozenset({"new1", "new2"}), frozenset({"old1"}), order)
    assert Seal(KEY, APP).write(7, 10, ["new1", "new2"], ["old1"]) == order


@pytest.mark.parametrize(
    ("key", "app", "change"),
    [
        ("another key", APP, ("", "")),
        (KEY, "another app", ("", "")),
        (KEY, APP, ('"percent":10', '"percent":100')),
        (KEY, APP, ('"version":7', '"version":8')),
        (KEY, APP, ("shop", "\xe9")),
    ],
)
def test_what_the_engine_did_not_write_is_refused(
    key: str, app: str, change: tuple[str, str]
) -> None:
    """Another key, another app, a changed number."""
    order = Written(APP, 7, 10, ("new1",), ("old1",)).signed(KEY).replace(*change)

    with pytest.raises(FormatError):
        Seal(key, app).read(order)
