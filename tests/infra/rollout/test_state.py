"""The execution as the plan sees it."""

from __future__ import annotations

from typing import Any

import pytest
from flygate.fly.models import Machine
from flygate.rollout.state import LIVE, Seen, seen


def machine(
    metadata: dict[str, str] | None, services: list[dict[str, Any]] | None = None, **fields: Any
) -> Machine:
    whole = {"image": "x", "metadata": metadata, "services": services or []}
    config = None if metadata is None else whole
    return Machine.model_validate({"id": "m1", "config": config, **fields})


def test_everything_that_a_release_noted_is_read() -> None:
    """Metadata, state and checks of one machine."""
    found = seen(
        machine(
            {
                "flygate_release": "v7",
                "flygate_manifest": "abc",
                "flygate_role": "standby",
                "flygate_drift": "token",
                "flygate_count": "3",
            },
            name="v7-iad-1",
            region="iad",
            state="stopped",
            cordoned=True,
            checks=[{"name": "a", "status": "passing"}, {"name": "b", "status": "critical"}],
        )
    )

    assert found == Seen(
        id="m1",
        name="v7-iad-1",
        region="iad",
        state="stopped",
        release=7,
        manifest="abc",
        role="standby",
        cordoned=True,
        healthy=False,
        drift="token",
        count=3,
    )


@pytest.mark.parametrize("metadata", [None, {}, {"flygate_release": "vX", "flygate_count": "many"}])
def test_metadata_that_is_not_understood_is_no_release(metadata: dict[str, str] | None) -> None:
    """It is read as release 0, not as an error: an operator can still look at the app."""
    found = seen(machine(metadata))

    assert (found.release, found.role, found.count, found.healthy) == (0, LIVE, 0, True)


@pytest.mark.parametrize(
    ("state", "cordoned", "serves"),
    [
        ("started", False, True),
        ("suspended", False, True),
        ("started", True, False),
        ("suspended", True, False),
        ("stopped", False, False),
        ("starting", False, False),
        ("created", False, False),
    ],
)
def test_a_machine_serves_if_the_proxy_sends_it_requests(
    state: str, cordoned: bool, serves: bool
) -> None:
    """A suspended one is woken by a request; a cordoned one gets none."""
    found = seen(machine({"flygate_release": "v1"}, state=state, cordoned=cordoned))

    assert found.serves is serves


@pytest.mark.parametrize(
    ("autostop", "autostart", "serves"),
    [(True, True, True), ("stop", True, True), (True, False, False), ("suspend", True, False)],
)
def test_a_machine_that_stopped_for_want_of_requests_serves(
    autostop: bool | str, autostart: bool, serves: bool
) -> None:
    """Whether it was Fly's proxy that stopped it shows in its services."""
    service = {"autostop": autostop, "autostart": autostart}
    idle = machine({"flygate_release": "v1"}, state="stopped", services=[service])

    assert seen(idle).serves is serves
