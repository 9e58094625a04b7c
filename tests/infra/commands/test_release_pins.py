"""Back to an earlier release, which pins the stack for all operators, and forward again."""

from __future__ import annotations

import pytest
from flygate.commands import release as release_op
from flygate.commands import unrecorded
from flygate.commands.orders import BACK, FORWARD, Back, Orders
from flygate.commands.recovery import Recovered
from flygate.commands.request import ReleaseRequest
from flygate.config import Pin
from flygate.record.ledger import Ledger
from flygate.system.errors import ConfigError, PinnedError

from tests.infra.builders import manifest
from tests.infra.deployment import Deployment

OWNER = "acme/flygate/prod#0123abcd"
ORDER = Back(by="ann@laptop", at="2026-11-29T12:00:00+00:00", reason="errors since v8")
PIN = Pin(version="v7", manifest="good", by="ann@laptop")
REQUEST = ReleaseRequest(app="shop", content=manifest(), owner=OWNER)


@pytest.mark.integration
async def test_a_pin_is_recorded_and_holds_against_a_deployment_without_it(
    shop: Deployment,
) -> None:
    """Of another checkout, say, which knows nothing of it; `forward` ends it for all."""
    await shop.release(env={"GREETING": "good"})
    await shop.release(env={"GREETING": "bad"})
    await shop.pin(1, by="ann@laptop", reason="errors since v2")
    before = await shop.fingerprint()
    request, secrets = shop.request(env={"GREETING": "bad"})

    with pytest.raises(PinnedError, match=r"pinned to v1 by ann@laptop at .*: errors since v2"):
        await release_op.release(request, secrets, Recovered(shop.ledger), shop.site())
    assert await shop.fingerprint() == before

    orders = {"orders": Orders(forward=True)}
    ledger = await release_op.release(request, secrets, Recovered(shop.ledger), shop.site(orders))

    assert ledger.pin is None
    assert ledger.unpinned_at
    assert (await shop.ask())["GREETING"] == "bad"


@pytest.mark.integration
async def test_a_pin_to_what_runs_is_recorded_and_ended_without_a_release(
    shop: Deployment,
) -> None:
    """The machines stay as they are."""
    await shop.release(env={"GREETING": "good"})
    before = await shop.fingerprint()

    pinned = await shop.pin(1)
    assert pinned.pin
    forward = await shop.release(env={"GREETING": "good"})

    assert (forward.pin, len(forward.releases)) == (None, 1)
    assert (await shop.fingerprint())["machines"].keys() == before["machines"].keys()


@pytest.mark.integration
async def test_what_serves_differs_from_what_is_recorded(shop: Deployment) -> None:
    """A run that died before it was recorded; an app that there is not."""
    await shop.release(env={"GREETING": "good"})

    for known, expected in ((0, 1), (1, 0)):
        request = unrecorded.UnrecordedRequest(app="shop", known=known)
        assert (await unrecorded.find(request, shop.fly)).version == expected
    nothing = unrecorded.UnrecordedRequest(app="not-there", known=0)
    assert await unrecorded.find(nothing, shop.fly) == unrecorded.Unrecorded()


@pytest.mark.parametrize("order", [Orders(), Orders(wait_seconds=60), Orders(move="shop-old")])
def test_who_orders_nothing_of_it_does_not_end_a_pin(order: Orders) -> None:
    """Whatever else is ordered."""
    pinned = Ledger().pinned(PIN)

    with pytest.raises(PinnedError):
        release_op.check_pin(REQUEST, pinned, order)


@pytest.mark.parametrize(
    "order",
    [Orders(back=ORDER), Orders(forward=True), Orders(accept="fine"), Orders(abort="odd")],
    ids=["back", "forward", "proceed", "abort"],
)
def test_an_order_says_itself_what_becomes_of_it(order: Orders) -> None:
    """So the pin does not stand in its way."""
    release_op.check_pin(REQUEST, Ledger().pinned(PIN), order)


def test_orders_come_by_environment() -> None:
    """As the verb writes them; what is none is refused by its name."""
    env = {BACK: ORDER.model_dump_json(), FORWARD: "1"}

    assert Orders.from_env(env).back == ORDER
    assert Orders.from_env(env).forward
    with pytest.raises(ConfigError, match="FLYGATE_BACK is no order"):
        Orders.from_env({BACK: "v7"})
