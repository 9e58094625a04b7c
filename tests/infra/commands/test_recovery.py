"""The ledger that a run begins with, and the entry for what serves unrecorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from flygate.commands import decision, recovery
from flygate.commands.orders import Orders
from flygate.commands.request import ReleaseRequest
from flygate.commands.workspace import Workspace
from flygate.fly.client import FlyClient
from flygate.pulumi.checkpoint import Checkpoint, Resource
from flygate.record.ledger import Ledger
from flygate.rollout.state import LIVE, STANDBY, State
from flygate.system.errors import OwnerError

from tests.infra.builders import manifest, release, seen
from tests.infra.deployment import APP, Deployment

OURS = "acme/flygate/prod#0123abcd"
REQUEST = ReleaseRequest(app="shop", content=manifest(), owner=OURS)
URN = "urn:pulumi:prod::flygate::flygate:fly:Release$command:local:Command::release-command"


def site(*results: str, move: str = "") -> Workspace:
    """A site whose checkpoint has results of the release resource."""
    resources = [Resource(URN, "command:local:Command", {"stdout": text}) for text in results]
    return Workspace(
        Path(),
        FlyClient.__new__(FlyClient),  # nothing here asks Fly
        Orders(move=move),
        checkpoint=lambda _: Checkpoint(tuple(resources)),
    )


def known(count: int, app: str = "shop") -> Ledger:
    """Releases v1 to vN."""
    grown = Ledger(app=app, state="0123abcd", tenure="one")
    for version in range(1, count + 1):
        grown = grown.add(release(version), {"KEY": "value"})
    return grown


def test_what_pulumi_hands_over_is_taken_as_it_is() -> None:
    """The checkpoint is not asked for."""
    found = recovery.recover(known(2).dumps(), REQUEST, site(known(9).dumps()))

    assert found == recovery.Recovered(known(2))


def test_a_replaced_resource_goes_on_with_the_history_under_a_tenure_of_its_own() -> None:
    """Pulumi hands nothing over to a create."""
    found = recovery.recover("", REQUEST, site(known(2).dumps()))

    assert found.is_replacement
    assert found.ledger.releases == known(2).releases
    assert found.ledger.tenure not in {"", "one"}
    assert "history up to v2" in found.notices[0]


def test_an_unreadable_ledger_is_no_replacement() -> None:
    """What runs need not be released once more."""
    found = recovery.recover("nonsense", REQUEST, site("nonsense", known(3).dumps()))

    assert not found.is_replacement
    assert found.ledger.releases == known(3).releases
    assert "can't be read" in found.notices[0]


def test_a_first_release_begins_with_nothing() -> None:
    """Nor is anything reported."""
    found = recovery.recover("", REQUEST, site())

    assert (found.ledger.releases, found.notices, found.is_replacement) == ((), (), False)
    assert (found.ledger.app, found.ledger.state) == ("shop", "0123abcd")
    assert found.ledger.tenure


def test_the_ledger_of_another_app_is_refused_unless_the_stack_moves() -> None:
    """The same stack, another name: the former app would go on unknown."""
    former = known(2, app="shop-old").dumps()

    with pytest.raises(OwnerError, match="flygate move prod --app shop"):
        recovery.recover(former, REQUEST, site())
    found = recovery.recover(former, REQUEST, site(move="shop-old"))
    assert (found.ledger.app, found.ledger.next_version) == ("shop", 3)


@pytest.mark.parametrize(
    ("machines", "ledger", "version"),
    [
        ((), 0, 0),
        ((seen(3, 1, role=LIVE, count=1),), 3, 0),
        ((seen(3, 1, role=LIVE, count=1),), 2, 3),
        ((seen(3, 1, role=LIVE, count=2),), 2, 0),
        ((seen(3, 1, role=STANDBY, count=1),), 2, 0),
        ((seen(3, 1, role=LIVE, count=1), seen(2, 1, role=STANDBY, count=1)), 0, 3),
    ],
    ids=["nothing", "known", "unknown", "half of it", "at rest", "no ledger"],
)
def test_what_serves_whole_and_is_not_recorded_is_found(
    machines: tuple[object, ...], ledger: int, version: int
) -> None:
    """A part of a release is a rollout that died: that is swept up."""
    state = State("shop", machines)  # type: ignore[arg-type]

    assert decision.unrecorded(state, ledger) == version


@pytest.mark.integration
async def test_a_lost_ledger_of_what_is_wanted_is_rebuilt_exactly(shop: Deployment) -> None:
    """Nothing restarts; the entry has the manifest and the values."""
    before = await shop.release({"KEY": "value"})
    shop.ledger = Ledger()
    machines = [m.id for m in await shop.fly.machines(APP)]

    after = await shop.release({"KEY": "value"})

    assert [m.id for m in await shop.fly.machines(APP)] == machines
    (rebuilt,), (recorded,) = after.releases, before.releases
    assert rebuilt.manifest == recorded.manifest
    assert (rebuilt.manifest_id, rebuilt.secret_set) == (recorded.manifest_id, recorded.secret_set)
    assert after.current_secrets == {"KEY": "value"}
    assert after.key == before.key
    assert rebuilt.rebuilt == recovery.BY_MANIFEST


@pytest.mark.integration
async def test_a_lost_ledger_of_something_else_is_rebuilt_from_the_machines(
    shop: Deployment,
) -> None:
    """A rollback to it brings its image, config and env back, with the values of now."""
    await shop.release({"KEY": "value"}, env={"GREETING": "one"})
    shop.ledger = Ledger()
    await shop.release({"KEY": "value"}, env={"GREETING": "two"})

    rebuilt = shop.ledger.releases[0]
    assert (rebuilt.name, rebuilt.rebuilt) == ("v1", recovery.BY_MACHINES)
    assert rebuilt.manifest.env["GREETING"] == "one"
    assert "FLYGATE_RELEASE" not in rebuilt.manifest.env
    await shop.pin(1)
    assert (await shop.ask())["GREETING"] == "one"
