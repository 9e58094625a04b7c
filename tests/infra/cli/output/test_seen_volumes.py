"""What `flygate status` says of volumes."""

from __future__ import annotations

from dataclasses import asdict

from flygate.cli.output import seen_volumes
from flygate.fly.models import Volume

from tests.infra.builders import seen

FREE = Volume(id="vol_1", name="data", state="created", region="iad", size_gb=3)
WEB = seen(2, name="app-iad-1", volume="vol_3")


def attached(volume: str, machine: str, **fields: str) -> Volume:
    """A volume that a machine has."""
    return FREE.model_copy(update={"id": volume, "attached_machine_id": machine, **fields})


def test_each_volume_is_shown_with_its_machine_and_the_left_ones_with_their_price() -> None:
    """Those that no machine has come last; a machine that Flygate did not make is named by id."""
    foreign = attached("vol_2", "5683", name="other")
    found = seen_volumes.of([FREE, foreign, attached("vol_3", WEB.id)], [WEB])

    assert [one.line for one in found] == [
        "volume data (vol_3, 3 GB in iad) of app-iad-1",
        "volume other (vol_2, 3 GB in iad) of 5683",
        "volume data (vol_1, 3 GB in iad): no machine has it; $0.45 a month",
    ]


def test_a_script_gets_the_machine_and_its_group() -> None:
    """By keys."""
    worker = seen(2, name="worker-iad-1", group="worker")

    (found,) = seen_volumes.of([attached("vol_3", worker.id)], [worker])

    assert asdict(found) == {
        "id": "vol_3",
        "name": "data",
        "size_gb": 3,
        "region": "iad",
        "machine": worker.id,
        "machine_name": "worker-iad-1",
        "group": "worker",
        "monthly_cost": 0.45,
    }
