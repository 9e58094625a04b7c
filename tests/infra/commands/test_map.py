"""README's map of a deployment is the way that a release goes."""

from __future__ import annotations

import pytest

from tests.infra.deployment import Deployment
from tests.support.maps import entered, files_of, in_order

pytestmark = pytest.mark.integration


async def test_a_release_goes_the_way_of_the_map(shop: Deployment) -> None:
    """From what the Command gets; the Pulumi program before it has tests of its own."""
    await shop.release()
    with entered() as files:
        await shop.release(env={"GREETING": "two"})

    above = ("infra/__main__.py", "infra/flygate/program/")
    wanted = [name for name in files_of("A deployment") if not name.startswith(above)]
    assert in_order(wanted, files) == []
