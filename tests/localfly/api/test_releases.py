"""Builds and releases, as flyctl announces them; organizations."""

from pathlib import Path

import pytest
from localfly.daemon.local_fly import LocalFly

from tests.support.localfly import Json, Machines, clients, local_machines

pytestmark = pytest.mark.integration

DEFINITION = {"app": "demo", "env": {"A": "1"}}


async def release(machines: Machines, **changes: object) -> Json:
    body = {"app_name": "demo", "build_id": 1, "definition": DEFINITION, "image": "nginx:1"}
    answer = await machines.api.post(
        "/api/v1/releases", json={**body, "strategy": "CANARY", **changes}
    )
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()["release"]
    return found


async def test_builds_are_numbered(machines: Machines) -> None:
    """Begun and finished; a build of another app, or none, is unknown."""
    first = await machines.api.post("/api/v1/builds", json={"app_name": "demo"})
    second = await machines.api.post("/api/v1/builds", json={"app_name": "demo"})
    assert second.json()["id"] == first.json()["id"] + 1
    done = {"app_name": "demo", "build_id": first.json()["id"], "status": "completed"}
    assert (await machines.api.post("/api/v1/builds/finish", json=done)).status_code == 200
    for wrong in ({"build_id": 99}, {"app_name": "none"}):
        answer = await machines.api.post("/api/v1/builds/finish", json={**done, **wrong})
        assert answer.status_code == 404


async def test_releases_count_up_and_change(machines: Machines) -> None:
    """Created, patched, listed newest first; the patch answers with the bare release."""
    one, two = await release(machines), await release(machines, strategy="rolling")
    assert (one["version"], one["status"], one["in_progress"]) == (1, "pending", True)
    assert (two["version"], two["strategy"]) == (2, "ROLLING")
    path = f"/api/v1/releases/{two['id']}"
    await machines.api.patch(path, json={"status": "running", "metadata": None})
    done = {"status": "complete", "metadata": {"post_deployment_info": {"error": ""}}}
    patched = await machines.api.patch(path, json=done)
    assert (patched.status_code, patched.json()["stable"]) == (200, True)
    listed = (await machines.api.get("/api/v1/apps/demo/releases?limit=1")).json()["releases"]
    assert [r["version"] for r in listed] == [2]
    current = (await machines.api.get("/api/v1/apps/demo/releases/current")).json()
    assert current == patched.json()
    timestamps = (await machines.api.get("/api/v1/releases/all_current")).json()
    assert timestamps == {"demo": current["created_at"]}


async def test_what_is_no_release_is_refused(machines: Machines) -> None:
    """Unknown apps, ids, strategies and statuses; an app may have none yet."""
    assert (await machines.api.get("/api/v1/apps/demo/releases/current")).status_code == 404
    body = {"app_name": "demo", "image": "x", "strategy": "HOPE"}
    assert (await machines.api.post("/api/v1/releases", json=body)).status_code == 422
    body = {"app_name": "none", "image": "x"}
    assert (await machines.api.post("/api/v1/releases", json=body)).status_code == 404
    made = await release(machines)
    path = f"/api/v1/releases/{made['id']}"
    assert (await machines.api.patch(path, json={"status": "great"})).status_code == 422
    unknown = await machines.api.patch("/api/v1/releases/none", json={"status": "failed"})
    assert unknown.status_code == 404


async def test_graphql_shows_the_same_releases(machines: Machines) -> None:
    """By status and number, with the definition as it was posted; `config show` reads that."""
    made = [await release(machines) for _ in range(3)]
    path = f"/api/v1/releases/{made[1]['id']}"
    await machines.api.patch(path, json={"status": "complete"})
    query = """query($app: String!, $limit: Int!){ app(name: $app) {
        releases: releasesUnprocessed(first: $limit) { nodes { version status imageRef } }
        done: releasesUnprocessed(first: 1, status: "complete") { nodes { version } }
        currentRelease: currentReleaseUnprocessed { version configDefinition user { email } } } }"""
    variables = {"app": "demo", "limit": 2}
    answer = await machines.api.post("/graphql", json={"query": query, "variables": variables})
    app = answer.json()["data"]["app"]
    assert [r["version"] for r in app["releases"]["nodes"]] == [3, 2]
    assert app["done"]["nodes"] == [{"version": 2}]
    assert app["currentRelease"]["configDefinition"] == DEFINITION
    assert app["currentRelease"]["user"]["email"]


async def test_releases_survive_the_daemon_and_go_with_their_app(machines: Machines) -> None:
    """Versions go on where they were; a new app of the name begins at one."""
    await release(machines)
    await machines.api.delete("/v1/apps/demo")
    await machines.api.post("/v1/apps", json={"name": "demo", "org_slug": "personal"})
    assert (await release(machines))["version"] == 1


async def test_versions_go_on_after_a_restart(tmp_path: Path) -> None:
    """The next daemon knows the releases of the one before."""
    async with local_machines(tmp_path) as machines:
        await release(machines)
    async with LocalFly(tmp_path) as fly, clients(fly.api_url, fly.proxy_url) as (api, proxy):
        assert (await release(Machines(fly, api, proxy)))["version"] == 2


async def test_organizations(machines: Machines) -> None:
    """Every slug is one; the list has those that own something, and the user's own."""
    await machines.api.post("/v1/apps", json={"name": "theirs", "org_slug": "acme"})
    listed = (await machines.api.get("/api/v1/organizations?admin=false")).json()
    assert [one["slug"] for one in listed["organizations"]] == ["acme", "personal"]
    one = (await machines.api.get("/api/v1/organizations/acme")).json()["organization"]
    assert (one["raw_slug"], one["personal"]) == ("acme", False)


async def test_all_machines_of_an_organization(machines: Machines) -> None:
    """Of all its apps, page by page."""
    made = [(await machines.create(skip_launch=True))["id"] for _ in range(3)]
    first = (await machines.api.get("/v1/orgs/personal/machines?limit=2")).json()
    assert [m["id"] for m in first["machines"]] == made[:2]
    cursor = first["next_cursor"]
    rest = (await machines.api.get(f"/v1/orgs/personal/machines?cursor={cursor}")).json()
    assert [m["id"] for m in rest["machines"]] == made[2:]
    assert rest["next_cursor"] == ""
    assert (await machines.api.get("/v1/orgs/acme/machines")).json()["machines"] == []
