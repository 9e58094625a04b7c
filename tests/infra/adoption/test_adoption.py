"""What an adoption would keep, set, change and refuse."""

from __future__ import annotations

import json
from typing import Any

from flygate import config
from flygate.adoption import adoption, shape
from flygate.adoption.live_app import LiveApp, LiveMachine
from flygate.adoption.marks import marks, unmarks
from flygate.fly.models import Secret, Volume
from flygate.flytoml import FlyToml
from flygate.manifest import Group, Manifest, building
from flygate.manifest import Volume as Disk
from flygate.rollout.state import ADOPTED

from tests.infra.builders import IMAGE, WEB, manifest

FILE = {"primary_region": "fra", "http_service": {"internal_port": 8080}}
GUEST = {"cpu_kind": "shared", "cpus": 2, "memory_mb": 1024}


TINY = {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}
MOUNT = {"volume": "vol_1", "path": "/d"}
GROUPS = {
    **FILE,
    "processes": {"app": "serve", "worker": "work"},
    "http_service": {"internal_port": 8080, "processes": ["app"]},
}


def machine(number: int, region: str = "iad", group: str = "app", **changes: Any) -> LiveMachine:
    """As flyctl makes it."""
    metadata = {"fly_platform_version": "v2", "fly_process_group": group}
    image = changes.pop("image", "registry.fly.io/shop:deployment-1")
    values = {
        "services": [WEB] if group == "app" else [],
        "guest": GUEST,
        "metadata": {**metadata, **changes.pop("metadata", {})},
        **changes,
    }
    return LiveMachine(
        f"m{number}", f"name-{number}", region, "started", f"i{number}", values, image
    )


def app(*machines: LiveMachine, **changes: Any) -> LiveApp:
    return LiveApp("shop", machines, **changes)


def planned(live: LiveApp, file: dict[str, Any] | None = None, **stack: Any) -> adoption.Adoption:
    read = FlyToml.of(file or FILE)
    return adoption.plan(live, read, config.load({"app": "shop", **stack}), {"OURS"})


def released(live: LiveApp, file: dict[str, Any]) -> Manifest:
    """The stack's first release, as the adoption configures it."""
    found = planned(live, file).settings
    stack = {key: one if isinstance(one, str) else json.dumps(one) for key, one in found.items()}
    return building.build(config.load({"app": "shop", **stack}), FlyToml.of(file), IMAGE, [])


def test_nothing_shrinks() -> None:
    """Regions, numbers and sizes of what runs are set; the primary region is the first."""
    live = app(machine(1), machine(2), machine(3, "fra"))

    kept = {"machines": 2, "guest": GUEST, "autostop": "off"}
    assert planned(live).settings == {"regions": ["fra", "iad"], **kept}
    again: dict[str, Any] = {
        "regions": '["fra", "iad"]',
        "machines": "2",
        "guest": GUEST,
        "autostop": "off",
    }
    assert planned(live, **again).settings == {}
    with_vm = {**FILE, "vm": [{"memory": "1gb"}]}
    assert planned(live, with_vm).settings["sizing"] == "fly.toml"


def test_a_size_that_was_scaled_up_is_kept_beside_what_the_file_says() -> None:
    """The file has limits and no size: the stack's size counts, of the largest machine."""
    file = {**FILE, "http_service": {"internal_port": 8080, "concurrency": {"soft_limit": 20}}}
    large = {**GUEST, "memory_mb": 4096}
    live = app(machine(1), machine(2, guest=large))

    settings = planned(live, file).settings

    assert (settings["sizing"], settings["guest"]) == ("fly.toml", large)
    assert released(live, file).config["guest"] == large


def test_workers_keep_their_number() -> None:
    """As the stack's count; in the first region, wherever they run now."""
    live = app(
        machine(1, "fra"), machine(2, group="worker"), machine(3, "fra", group="worker", guest=TINY)
    )

    assert planned(live, GROUPS).settings["count"] == {"worker": 2}
    (line,) = shape.sizes(app(live.machines[0], live.machines[1]), released(live, GROUPS))
    assert line.startswith("worker: 1 in iad → 2 in fra")


def test_more_machines_are_named() -> None:
    """Each region gets as many as the largest has."""
    live = app(*(machine(n) for n in (1, 2)), machine(3, "fra"))

    (line,) = shape.sizes(live, released(live, FILE))

    assert line.startswith("app: 1 in fra, 2 in iad → 2 in fra, 2 in iad")


def test_machines_that_are_not_alike_are_named() -> None:
    """Someone changed one by hand; the release makes them alike."""
    live = app(machine(1, "fra"), machine(2, "fra", env={"A": "2"}))

    (line,) = shape.sizes(live, released(live, FILE))

    assert line.startswith("name-2 (m2) is not as name-1")
    assert '+ env.A: "2"' in line


def test_a_size_that_only_fly_knows_must_be_said() -> None:
    """That of a worker, which the stack can't say."""
    live = app(machine(1, "fra"), machine(2, "fra", group="worker"))

    (line,) = shape.losses(live, released(live, GROUPS), FlyToml.of(GROUPS))
    assert "worker have 2 CPUs and 1024 MB" in line
    assert 'processes = ["worker"]' in line

    said = {**GROUPS, "vm": [{"processes": ["worker"], "memory": "512mb"}]}
    assert not list(shape.losses(live, released(live, said), FlyToml.of(said)))


def test_a_volume_is_not_left_behind() -> None:
    """In a region, in a group, or by a file that has no mount."""
    live = app(machine(1, "fra"), machine(2, group="worker", guest=TINY, mounts=[MOUNT]))
    mounts = [{"source": "data", "destination": "/d", "processes": ["worker"]}]

    (line,) = shape.losses(live, released(live, GROUPS), FlyToml.of(GROUPS))
    assert "mounts none for worker" in line
    mounted = {**GROUPS, "mounts": mounts}
    (line,) = shape.losses(live, released(live, mounted), FlyToml.of(mounted))
    assert "the volume vol_1 in iad, and worker would run in fra" in line
    (line,) = shape.losses(live, released(live, FILE), FlyToml.of(FILE))
    assert "no process group worker, whose machines have volumes (vol_1)" in line


def test_what_must_be_mended_is_named_with_a_command() -> None:
    """A standby would start beside a release; a deployment that was not finished has two images."""
    standby = machine(2, group="worker", standbys=["m3"])
    (problem,) = planned(app(machine(1), standby)).problems
    assert "`fly machine destroy m2 --app shop`" in problem

    (problem,) = planned(app(machine(1), machine(2, image="other"))).problems
    assert "run 2 images" in problem
    (problem,) = planned(app()).problems
    assert "has no machine that `fly deploy` made" in problem
    ours = machine(1, metadata={"flygate_release": "v3", "flygate_manifest": "0123456789ab"})
    (problem,) = planned(app(ours)).problems
    assert "is a machine of Flygate's already" in problem


def test_what_stays_is_named() -> None:
    """Secrets by name only."""
    secrets = (Secret(name="OURS", digest="1"), Secret(name="THEIRS", digest="2"))
    volume = Volume(id="vol_1", name="data", size_gb=2, attached_machine_id="m1")
    live = app(machine(1), secrets=secrets, volumes=(volume,), certificates=("a.example",))

    lines = "\n".join(planned(live).stays)

    assert "secrets: THEIRS keep the values" in lines
    assert "volume data (vol_1, 2 GB, of m1)" in lines
    assert "certificates: a.example" in lines


def test_machines_of_no_group_are_left_alone() -> None:
    """One that was run by hand, one with a schedule, a console of flyctl's."""
    by_hand = machine(2, metadata={"fly_platform_version": ""})
    live = app(
        machine(1), by_hand, machine(3, schedule="daily"), machine(4, group="fly_app_console")
    )

    assert len(planned(live).left) == 3
    assert [m.id for m, _ in marks(live, manifest())] == ["m1"]


def test_the_first_release_is_compared_with_what_runs() -> None:
    """Field by field; a stack's own rules are no change."""
    desired = manifest(config={"services": [WEB], "guest": {**GUEST, "memory_mb": 512}, "env": {}})

    changes = adoption.changes(app(machine(1)), desired)

    assert "~ config.guest.memory_mb: 1024 → 512" in changes
    assert any(
        line.startswith('~ image: "registry.fly.io/shop:deployment-1" →') for line in changes
    )


def test_marks_name_the_places_of_machines_with_volumes() -> None:
    """They are changed in place from then on; the marks can be taken off again."""
    disk = Group(name="db", config={}, regions=("iad",), machines=2, volume=Disk(name="data"))
    live = app(
        machine(1),
        machine(2, group="db", mounts=[{"volume": "vol_1", "path": "/d"}]),
        machine(3, group="db", mounts=[{"volume": "vol_2", "path": "/d"}]),
    )

    found = {m.id: notes for m, notes in marks(live, manifest(others=(disk,)))}

    assert found["m1"]["flygate_manifest"] == ADOPTED
    assert "flygate_place" not in found["m1"]
    assert [found[name]["flygate_place"] for name in ("m2", "m3")] == ["db-iad-1", "db-iad-2"]
    marked = machine(2, metadata={k: v for k, v in found["m2"].items() if v})
    assert set(unmarks(marked)) == set(found["m2"])
