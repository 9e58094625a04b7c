"""`flygate op app`: create or adopt, and never change another stack's."""

from __future__ import annotations

import pytest
from flygate.commands import app as app_op
from flygate.commands.app import AppRequest
from flygate.commands.removal import remove_app
from flygate.fly.client import FlyClient
from flygate.pulumi.checkpoint import Checkpoint
from flygate.system.errors import OwnerError

from tests.infra.builders import OPEN

pytestmark = pytest.mark.integration

REQUEST = AppRequest(app="shop", org="acme")


async def test_an_app_is_created_with_an_address_of_both_kinds(fly: FlyClient) -> None:
    """The result is what the stack's outputs show."""
    result = await app_op.ensure(REQUEST, fly)

    assert (result.app, result.org) == ("shop", "acme")
    assert result.url.startswith("http://shop.localhost:")
    assert sorted(":" in ip.ip for ip in await fly.ips("shop")) == [False, True]


async def test_an_app_that_is_there_is_adopted(fly: FlyClient) -> None:
    """A create that failed half-way, or an app made by hand: the second run converges."""
    await fly.create_app("shop", "acme")
    await fly.allocate_ip("shop", "v6")

    first = await app_op.ensure(REQUEST, fly)
    second = await app_op.ensure(REQUEST, fly)

    assert first == second
    assert len(await fly.ips("shop")) == 2


async def test_an_app_of_another_organisation_is_left_alone(fly: FlyClient) -> None:
    """Its owner and the remedy are named; nothing was added to it."""
    await fly.create_app("shop", "others")

    with pytest.raises(OwnerError, match=r"in the organisation others.*flygate move"):
        await app_op.ensure(REQUEST, fly)

    assert await fly.ips("shop") == []


async def test_removing_an_app_twice_is_fine(fly: FlyClient) -> None:
    """Destroy can be repeated after it failed."""
    await app_op.ensure(REQUEST, fly)

    await remove_app(REQUEST, fly, Checkpoint, OPEN)
    await remove_app(REQUEST, fly, Checkpoint, OPEN)

    assert await fly.app("shop") is None
