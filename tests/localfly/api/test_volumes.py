"""Volumes and their snapshots; and what the local Fly keeps and shows but does nothing with:
certificates, placements.
"""

import asyncio

import pytest

from tests.support.localfly import Machines

pytestmark = pytest.mark.integration


async def test_volumes(machines: Machines) -> None:
    """Created, changed, grown, never shrunk, deleted; the app and its organization count them."""
    base = "/v1/apps/demo/volumes"
    body = {"name": "data", "region": "lhr", "size_gb": 3, "encrypted": True}
    made = (await machines.api.post(base, json=body)).json()
    assert made["id"].startswith("vol_")
    assert (made["state"], made["host_status"], made["region"]) == ("created", "ok", "lhr")
    path = f"{base}/{made['id']}"
    grown = (await machines.api.put(f"{path}/extend", json={"size_gb": 5})).json()
    assert (grown["volume"]["size_gb"], grown["needs_restart"]) == (5, False)
    shrunk = await machines.api.put(f"{path}/extend", json={"size_gb": 1})
    assert shrunk.status_code == 400
    assert "can't be made smaller" in shrunk.json()["error"]
    await machines.api.put(path, json={"snapshot_retention": 9})
    found = (await machines.api.get(path)).json()
    assert (found["size_gb"], found["snapshot_retention"]) == (5, 9)
    assert (await machines.api.get(f"{path}/snapshots")).json() == []
    assert (await machines.api.get(base)).json() == [found]
    assert (await machines.api.get("/v1/apps/demo")).json()["volume_count"] == 1
    of_all = (await machines.api.get("/v1/orgs/personal/volumes")).json()
    assert of_all["volumes"] == [{**found, "app_name": "demo"}]
    assert (await machines.api.delete(path)).json()["state"] == "pending_destroy"
    assert (await machines.api.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "No Good", "name"),
        ("region", "xyz", "'xyz' not found; there are ams"),
        ("size_gb", 0, "size_gb"),
        ("size_gb", 501, "size_gb"),
        ("snapshot_retention", 61, "1 to 60 days, found 61"),
        ("snapshot_retention", -1, "1 to 60 days, found -1"),
        ("fstype", "raw", "no block device"),
        ("fstype", "xfs", "must be 'ext4'"),
    ],
)
async def test_a_volume_that_can_not_be(
    machines: Machines, field: str, value: object, says: str
) -> None:
    """Refused by the field's name; nothing is made."""
    body = {"name": "data", field: value}
    answer = await machines.api.post("/v1/apps/demo/volumes", json=body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    assert (await machines.api.get("/v1/apps/demo/volumes")).json() == []


async def test_what_a_volume_is_when_nothing_is_said(machines: Machines) -> None:
    """Fly's defaults."""
    made = (await machines.api.post("/v1/apps/demo/volumes", json={"name": "data"})).json()
    assert (made["size_gb"], made["region"], made["fstype"]) == (3, "iad", "ext4")
    assert (made["encrypted"], made["snapshot_retention"]) == (True, 5)
    assert (made["auto_backup_enabled"], made["attached_machine_id"]) == (True, None)
    other = {"name": "data", "encrypted": False, "auto_backup_enabled": False}
    changed = (await machines.api.post("/v1/apps/demo/volumes", json=other)).json()
    assert (changed["encrypted"], changed["auto_backup_enabled"]) == (False, False)
    path = f"/v1/apps/demo/volumes/{changed['id']}"
    assert (await machines.api.put(path, json={"snapshot_retention": 61})).status_code == 400


async def test_all_volumes_of_an_organization(machines: Machines) -> None:
    """By region and state, page by page."""
    for region in ("iad", "lhr", "lhr", "lhr"):
        body = {"name": "data", "region": region}
        await machines.api.post("/v1/apps/demo/volumes", json=body)
    base = "/v1/orgs/personal/volumes"
    first = (await machines.api.get(f"{base}?region=lhr&state=created,extending&limit=2")).json()
    query = f"region=lhr&limit=2&cursor={first['next_cursor']}"
    second = (await machines.api.get(f"{base}?{query}")).json()
    assert [len(page["volumes"]) for page in (first, second)] == [2, 1]
    assert second["next_cursor"] == ""
    assert {volume["region"] for volume in first["volumes"] + second["volumes"]} == {"lhr"}
    assert (await machines.api.get(f"{base}?state=extending")).json()["volumes"] == []


async def test_snapshots_are_copies(machines: Machines) -> None:
    """Of the moment; a new volume holds what one has, and they outlive the volume."""
    base = "/v1/apps/demo/volumes"
    made = (await machines.api.post(base, json={"name": "data", "size_gb": 4})).json()
    folder = machines.fly.state_dir / "volumes"
    (folder / made["id"] / "deep").mkdir()
    (folder / made["id"] / "deep" / "row").write_text("first")
    (folder / made["id"] / "link").symlink_to("deep/row")
    path = f"{base}/{made['id']}"
    snapshot = (await machines.api.post(f"{path}/snapshots")).json()
    assert (snapshot["status"], snapshot["retention_days"]) == ("created", 5)
    assert (snapshot["size"], snapshot["volume_size"]) == (5, 4 << 30)
    (folder / made["id"] / "deep" / "row").write_text("second")
    assert (await machines.api.get(f"{path}/snapshots")).json() == [snapshot]
    await machines.api.delete(path)
    assert (await machines.api.get(f"{path}/snapshots")).json() == [snapshot]
    body = {"name": "again", "snapshot_id": snapshot["id"], "region": "lhr"}
    again = (await machines.api.post(base, json=body)).json()
    assert (again["size_gb"], again["region"]) == (4, "lhr")
    assert (folder / again["id"] / "link").read_text() == "first"
    small = await machines.api.post(base, json={**body, "size_gb": 1})
    assert (small.status_code, "at least 4" in small.json()["error"]) == (400, True)
    unknown = await machines.api.post(base, json={"name": "again", "snapshot_id": "vs_none"})
    assert unknown.status_code == 404
    assert (await machines.api.get(f"{base}/vol_none/snapshots")).status_code == 404


async def test_a_snapshot_ends_with_its_retention(machines: Machines) -> None:
    """Its folder, too."""
    base = "/v1/apps/demo/volumes"
    body = {"name": "data", "snapshot_retention": 2, "auto_backup_enabled": False}
    made = (await machines.api.post(base, json=body)).json()
    path = f"{base}/{made['id']}/snapshots"
    snapshot = (await machines.api.post(path)).json()
    machines.fly.clock.advance(2 * 86400 - 60)
    assert len((await machines.api.get(path)).json()) == 1
    machines.fly.clock.advance(60)
    assert (await machines.api.get(path)).json() == []
    assert not (machines.fly.state_dir / "volumes" / snapshot["id"]).exists()


async def snapshots(machines: Machines, volume: str, count: int) -> list[str]:
    """The ids of a volume's snapshots, once there is that number."""
    path = f"/v1/apps/demo/volumes/{volume}/snapshots"
    async with asyncio.timeout(20):
        while True:
            found = (await machines.api.get(path)).json()
            if len(found) == count:
                return [one["id"] for one in found]
            await asyncio.sleep(0.02)


async def test_a_snapshot_is_taken_each_day(machines: Machines) -> None:
    """Of the volumes that ask for it, unless one was just taken; old ones go."""
    base, day = "/v1/apps/demo/volumes", 86400
    body = {"name": "data", "snapshot_retention": 2}
    kept = (await machines.api.post(base, json=body)).json()["id"]
    other = (await machines.api.post(base, json={**body, "auto_backup_enabled": False})).json()
    (machines.fly.state_dir / "volumes" / kept / "row").write_text("first")

    machines.fly.clock.advance(day)
    [first] = await snapshots(machines, kept, 1)
    assert (machines.fly.state_dir / "volumes" / first / "row").read_text() == "first"
    machines.fly.clock.advance(day)
    both = await snapshots(machines, kept, 2)
    machines.fly.clock.advance(day)
    async with asyncio.timeout(20):
        while first in await snapshots(machines, kept, 2):  # noqa: ASYNC110 (remote state)
            await asyncio.sleep(0.02)

    assert both[0] == first
    assert await snapshots(machines, other["id"], 0) == []


async def test_a_fork_holds_the_same(machines: Machines) -> None:
    """Both go on apart."""
    base = "/v1/apps/demo/volumes"
    made = (await machines.api.post(base, json={"name": "data", "size_gb": 2})).json()
    folder = machines.fly.state_dir / "volumes"
    (folder / made["id"] / "row").write_text("first")
    body = {"name": "fork", "source_volume_id": made["id"]}
    fork = (await machines.api.post(base, json=body)).json()
    (folder / made["id"] / "row").write_text("second")
    assert fork["size_gb"] == 2
    assert (folder / fork["id"] / "row").read_text() == "first"
    both = await machines.api.post(base, json={**body, "snapshot_id": "vs_1"})
    assert both.status_code == 400


async def test_an_app_takes_its_volumes_along(machines: Machines) -> None:
    """And its snapshots."""
    base = "/v1/apps/demo/volumes"
    made = (await machines.api.post(base, json={"name": "data"})).json()
    await machines.api.post(f"{base}/{made['id']}/snapshots")
    await machines.api.delete("/v1/apps/demo")
    folder = machines.fly.state_dir / "volumes"
    assert [path.name for path in folder.iterdir()] == [".spare"]


async def test_certificates(machines: Machines) -> None:
    """Added, found, listed page by page, deleted; none is ever issued, no private key is kept."""
    base = "/v1/apps/demo/certificates"
    for name in ("a.example.com", "b.example.com", "c.example.org"):
        added = await machines.api.post(f"{base}/acme", json={"hostname": name})
        assert (added.status_code, added.json()["configured"]) == (201, False)
    custom = {"hostname": "d.example.com", "fullchain": "x", "private_key": "canary-51c9"}
    assert (await machines.api.post(f"{base}/custom", json=custom)).status_code == 201
    first = (await machines.api.get(f"{base}?filter=example.com&limit=2")).json()
    names = [certificate["hostname"] for certificate in first["certificates"]]
    assert (names, first["total_count"]) == (["a.example.com", "b.example.com"], 3)
    query = f"filter=example.com&cursor={first['next_cursor']}"
    second = (await machines.api.get(f"{base}?{query}")).json()
    assert [c["hostname"] for c in second["certificates"]] == ["d.example.com"]
    checked = await machines.api.post(f"{base}/a.example.com/check")
    assert checked.json()["hostname"] == "a.example.com"
    assert (await machines.api.delete(f"{base}/a.example.com")).status_code == 204
    assert (await machines.api.get(f"{base}/a.example.com")).status_code == 404
    assert (await machines.api.delete(f"{base}/b.example.com/acme")).status_code == 200
    assert (await machines.api.post(f"{base}/acme", json={"hostname": "no"})).status_code == 400
    kept = (machines.fly.state_dir / "certificates" / "demo.json").read_text()
    assert "canary-51c9" not in kept


async def test_placements(machines: Machines) -> None:
    """One computer takes everything, in the first region that is asked for."""
    for asked, given in (("lhr,eu", "lhr"), ("any", "iad"), (None, "iad")):
        body = {"org_slug": "personal", "region": asked, "count": 5}
        answer = await machines.api.post("/v1/platform/placements", json=body)
        assert answer.json()["regions"][0] == {"region": given, "count": 5, "concurrency": 5}
