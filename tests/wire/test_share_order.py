"""Orders by which two releases share an app's clients."""

import json

import pytest
from flygate_wire.share_order import ShareOrder, ShareOrderError, ShareState, SignedShareOrders

KEY, APP = "a key that only the tests have", "shop"
# As a former release wrote it.
FORMER = (
    "f60c973debf004f2cb56b2801cf900128cc07d74bf8fd522dd13377130585104 "
    '{"app":"shop","version":7,"percent":10,"new":["new1","new2"],"former":["old1"]}'
)


def test_the_form_is_that_of_former_releases() -> None:
    """Two versions meet during a rollout: each reads what the other one writes."""
    text = SignedShareOrders(KEY, APP).write(7, 10, ("new1", "new2"), ("old1",))

    assert text == FORMER
    read = SignedShareOrders(KEY, APP).read(FORMER)
    assert read == ShareOrder(7, 10, frozenset({"new1", "new2"}), frozenset({"old1"}), FORMER)


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
def test_an_order_that_was_not_signed_so_is_refused(
    key: str, app: str, change: tuple[str, str]
) -> None:
    """Another key, another app, a changed number."""
    order = SignedShareOrders(KEY, APP).write(7, 10, ("new1",), ("old1",)).replace(*change)

    with pytest.raises(ShareOrderError):
        SignedShareOrders(key, app).read(order)


@pytest.mark.parametrize("payload", ["[]", '{"app":"shop"}', "{", '{"app":"shop","version":"x"}'])
def test_a_signed_text_that_is_no_order_is_refused(payload: str) -> None:
    """It may be of a later version."""
    orders = SignedShareOrders(KEY, APP)

    with pytest.raises(ShareOrderError):
        orders.read(f"{orders._signature(payload)} {payload}")


def test_which_machines_gain_clients_by_an_order() -> None:
    """The limits go the same way, forth and back."""
    new, former = frozenset({"new1", "new2"}), frozenset({"old1"})

    assert ShareOrder(2, 10, new, former).gainers("old1", before=1) == new
    assert ShareOrder(2, 10, new, former).gainers("new1", before=1) == frozenset()
    assert ShareOrder(2, 0, new, former).gainers("new1", before=10) == former
    assert ShareOrder(2, 10, new, former).gainers("old1", before=10) == frozenset()
    assert ShareOrder(2, 10, new, former).gainers("stranger", before=1) == frozenset()


def test_a_machine_s_answer_is_read_as_it_was_written() -> None:
    """Its form is that of former releases; what is none is refused."""
    state = ShareState(7, frozenset({"b", "a"}))

    assert state.document() == {"version": 7, "members": ["a", "b"]}
    assert ShareState.parse(json.dumps(state.document())) == state
    for text in ("", "[]", "{}", '{"version": 1}'):
        with pytest.raises(ValueError):  # noqa: PT011 - any will do
            ShareState.parse(text)
