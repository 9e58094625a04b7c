"""What the local Fly keeps and shows but does nothing with: volumes, certificates, placements."""

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
    await machines.api.put(f"{path}/extend", json={"size_gb": 1})
    await machines.api.put(path, json={"snapshot_retention": 9})
    found = (await machines.api.get(path)).json()
    assert (found["size_gb"], found["snapshot_retention"]) == (5, 9)
    assert (await machines.api.get(f"{path}/snapshots")).json() == []
    assert (await machines.api.get(base)).json() == [found]
    assert (await machines.api.get("/v1/apps/demo")).json()["volume_count"] == 1
    of_all = (await machines.api.get("/v1/orgs/personal/volumes")).json()
    assert of_all["volumes"] == [found]
    assert (await machines.api.delete(path)).json()["state"] == "pending_destroy"
    assert (await machines.api.get(path)).status_code == 404
    wrong = await machines.api.post(base, json={"name": "No Good"})
    assert wrong.status_code == 400


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
