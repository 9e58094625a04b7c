"""Apps, leases, metadata, secrets, addresses, images, logs, GraphQL (docs/fly-api.md 2 and 5)."""

import json

import httpx
import pytest

from tests.support.localfly import Json, Machines, digest_of, make_image, tiny_image

pytestmark = pytest.mark.integration

APP_QUERY = """
query($name:String!){app(name:$name){id name hostname appUrl status organization{slug}}}
"""


async def test_apps(machines: Machines) -> None:
    """Create, read, list, delete, with Fly's codes."""
    created = await machines.api.post(
        "/v1/apps?wait=true",
        json={"name": "other", "org_slug": "personal", "network": "", "app_role_id": ""},
    )
    assert created.status_code == 201
    assert created.json()["created_at"] > 1_600_000_000_000
    app = (await machines.api.get("/v1/apps/other")).json()
    assert app["status"] == "pending"
    assert app["organization"]["slug"] == "personal"
    listed = (await machines.api.get("/v1/apps?org_slug=personal")).json()
    assert listed["total_apps"] == 2
    deleted = await machines.api.delete("/v1/apps/other")
    assert (deleted.status_code, deleted.content) == (202, b"")
    assert (await machines.api.get("/v1/apps/other")).status_code == 404


async def test_app_names(machines: Machines) -> None:
    """A taken name is 422 `name_taken`; the same idempotency key is the same app."""
    taken = await machines.api.post("/v1/apps", json={"name": "demo", "org_slug": "personal"})
    assert taken.status_code == 422
    assert taken.json() == {
        "error": "Validation failed: Name has already been taken",
        "status": "name_taken",
    }
    body = {"app_name": "twice", "org_slug": "personal", "idempotency_key": "k"}
    first, second = [await machines.api.post("/v1/apps", json=body) for _ in range(2)]
    assert first.json() == second.json()
    bad = await machines.api.post("/v1/apps", json={"name": "No Good", "org_slug": "personal"})
    assert bad.status_code == 422


async def test_deleting_an_app_ends_its_machines(machines: Machines) -> None:
    """Nothing of it answers any more, and its name is free."""
    await machines.serving()
    assert (await machines.api.delete("/v1/apps/demo")).status_code == 202
    assert (await machines.ask()).status_code == 503
    again = await machines.api.post("/v1/apps", json={"name": "demo", "org_slug": "personal"})
    assert again.status_code == 201
    assert (await machines.api.get(machines.base)).json() == []


async def test_errors_have_flys_form_and_a_request_id(machines: Machines) -> None:
    """Whatever goes wrong."""
    for method, path, code in (
        ("GET", "/v1/apps/none", 404),
        ("GET", "/v1/apps/none/machines", 404),
        ("GET", f"{machines.base}/00000000000000", 404),
        ("GET", "/nowhere", 404),
        ("POST", "/v1/apps", 400),
        ("POST", machines.base, 400),
    ):
        answer = await machines.api.request(method, path, json={} if method == "POST" else None)
        assert answer.status_code == code, path
        assert set(answer.json()) == {"error", "status"}
        assert answer.headers["fly-request-id"]


async def test_a_config_that_makes_no_sense_is_refused(machines: Machines) -> None:
    """The text names the key and what was found."""
    for change, word in (
        ({"image": "not an image"}, "config.image"),
        ({"restart": {"policy": "sometimes"}}, "restart.policy"),
        ({"stop_config": {"signal": "SIGSEGV"}}, "signal"),
        ({"stop_config": {"timeout": "soon"}}, "stop_config.timeout"),
        ({"services": [{"internal_port": 0}]}, "internal_port"),
        ({"env": {"A": 1}}, "config.env"),
    ):
        answer = await machines.api.post(machines.base, json={"config": machines.config(**change)})
        assert answer.status_code == 400, change
        assert word in answer.json()["error"]


async def test_a_config_of_the_wrong_form_is_refused(machines: Machines) -> None:
    """Whatever stands where something else belongs: 400, and the key in the text."""
    (service,) = machines.config()["services"]
    (check,) = service["checks"]
    kinds: list[object] = [5, "x", [5], True]
    for wrong in kinds:
        for key in ("services", "checks", "guest", "init", "restart", "stop_config", "metadata"):
            await refused(machines, {key: wrong}, key)
        for key in ("ports", "concurrency", "checks"):
            await refused(machines, {"services": [{**service, key: wrong}]}, key)
        for key in ("headers", "tls_skip_verify"):
            if wrong is not True:
                checks = [{**check, key: wrong}]
                await refused(machines, {"services": [{**service, "checks": checks}]}, key)
    for change, key in (
        ({"mounts": [{"extend_threshold_percent": "80"}]}, "extend_threshold_percent"),
        ({"mounts": [{"extend_threshold_percent": 101}]}, "extend_threshold_percent"),
        ({"dns": {"skip_registration": "yes"}}, "skip_registration"),
        ({"files": [{"guest_path": 5}]}, "guest_path"),
        ({"statics": [{"url_prefix": 5}]}, "url_prefix"),
        ({"processes": [{"env": {"A": 1}}]}, "env"),
        ({"rootfs": {"size_gb": -1}}, "size_gb"),
        ({"services": [{**service, "ports": [{"tls_options": {"alpn": "h2"}}]}]}, "alpn"),
    ):
        await refused(machines, change, key)
    body = {"config": machines.config(), "region": "moon"}
    assert "'moon'" in (await machines.api.post(machines.base, json=body)).json()["error"]


async def refused(machines: Machines, change: Json, key: str) -> None:
    body = {"config": machines.config(**change), "skip_launch": True}
    answer = await machines.api.post(machines.base, json=body)
    assert answer.status_code == 400, change
    assert key in answer.json()["error"]


async def test_unknown_keys_of_a_config_are_kept(machines: Machines) -> None:
    """What the local Fly doesn't know may mean something to the client; nulls stay, too."""
    (service,) = machines.config()["services"]
    extra = {"from_the_future": {"a": [1]}, "auto_destroy": None}
    services = [{**service, "force_instance_key": None, "other": 1}]
    config = machines.config(**extra, services=services)
    machine = await machines.create(config=config, skip_launch=True)
    assert machine["config"] == config


async def test_leases(machines: Machines) -> None:
    """Taken, refreshed with the same nonce, refused to others with a name, given back."""
    machine = await machines.create()
    path = f"{machines.base}/{machine['id']}"
    taken = await machines.api.post(f"{path}/lease?ttl=13", json={"description": "rollout"})
    assert taken.status_code == 201
    assert taken.json()["status"] == "success"
    lease = taken.json()["data"]
    assert lease["owner"].endswith("@tokens.fly.io")
    nonce = {"fly-machine-lease-nonce": lease["nonce"]}
    refreshed = await machines.api.post(f"{path}/lease", headers=nonce, json={"ttl": 60})
    assert refreshed.json()["data"]["nonce"] == lease["nonce"]
    assert refreshed.json()["data"]["expires_at"] > lease["expires_at"]
    for headers in ({}, {"fly-machine-lease-nonce": "foreign"}):
        for verb in ("lease", "stop", "cordon"):
            refused = await machines.api.post(f"{path}/{verb}", headers=headers)
            assert refused.status_code == 409, verb
            assert f"machine ID {machine['id']} lease currently held by" in refused.text
    assert (await machines.api.post(f"{path}/cordon", headers=nonce)).status_code == 200
    assert (await machines.api.get(f"{path}/lease")).status_code == 200
    assert (await machines.api.delete(f"{path}/lease", headers=nonce)).status_code == 200
    assert (await machines.api.get(f"{path}/lease")).status_code == 404
    late = await machines.api.post(f"{path}/lease", headers=nonce)
    assert (late.status_code, late.json()["error"]) == (404, "lease not found")


async def test_a_lease_ends_by_itself(machines: Machines) -> None:
    """Its holder learns that; another client can take it."""
    machine = await machines.create()
    path = f"{machines.base}/{machine['id']}"
    await machines.api.post(f"{path}/lease?ttl=1")
    await machines.until(machine["id"], lambda _: True)
    taken = await machines.api.post(f"{path}/lease")
    while taken.status_code == 409:
        taken = await machines.api.post(f"{path}/lease")
    assert taken.status_code == 201


async def test_created_with_a_lease(machines: Machines) -> None:
    """`lease_ttl` locks from the first moment; a list shows whose it is, not how to use it."""
    machine = await machines.create(lease_ttl=30)
    refused = await machines.post(machine["id"], "stop")
    assert refused.status_code == 409
    listed = (await machines.api.get(f"{machines.base}?include_leases=true")).json()[0]
    assert "nonce" not in json.dumps(listed)
    assert listed["lease"]["owner"]
    nonce = {"fly-machine-lease-nonce": machine["nonce"]}
    assert (await machines.post(machine["id"], "stop", headers=nonce)).status_code == 200


async def test_metadata(machines: Machines) -> None:
    """Written without lease, restart or new version."""
    machine = await machines.create(
        config=machines.config(metadata={"keep": "1", "drop": "1"}), lease_ttl=30
    )
    path = f"{machines.base}/{machine['id']}/metadata"
    assert (await machines.api.post(f"{path}/tag", json={"value": "green"})).status_code == 204
    patch = {"metadata": {"drop": None, "new": "2"}, "machine_version": machine["instance_id"]}
    assert (await machines.api.patch(path, json=patch)).status_code == 204
    assert (await machines.api.delete(f"{path}/nothing")).status_code == 204
    wanted = {"keep": "1", "tag": "green", "new": "2"}
    assert (await machines.api.get(path)).json() == wanted
    assert (await machines.api.get(f"{path}/tag")).json() == {"value": "green"}
    after = await machines.get(machine["id"])
    assert after["config"]["metadata"] == wanted
    assert after["instance_id"] == machine["instance_id"]
    stale = await machines.api.patch(path, json={"metadata": {}, "machine_version": "old"})
    assert stale.status_code == 412


async def test_secrets(machines: Machines) -> None:
    """Versions grow with every write; values are digests; a running machine does not change."""
    base = "/v1/apps/demo/secrets"
    machine = await machines.serving(config=machines.config(env={"WORD": "from-env"}))
    first = (await machines.api.post(base, json={"values": {"WORD": "one", "B": "2"}})).json()
    assert first["version"] == 1
    assert (await machines.ask("/env?WORD")).text == "from-env"
    listed = await machines.api.get(f"{base}?min_version=1")
    assert "one" not in listed.text
    digests = {s["name"]: s["digest"] for s in listed.json()["secrets"]}
    await machines.post(machine["id"], "restart")
    await machines.healthy(machine["id"])
    assert (await machines.ask("/env?WORD")).text == "one"
    second = await machines.api.post(f"{base}/WORD", json={"value": "two"})
    assert (second.status_code, second.json()["version"]) == (201, 2)
    assert second.json()["digest"] != digests["WORD"]
    third = (await machines.api.post(base, json={"values": {"B": None}})).json()
    assert third["version"] == 3
    assert [s["name"] for s in third["secrets"]] == ["WORD"]
    shown = await machines.api.get(f"{base}/WORD?show_secrets=true")
    assert shown.json()["value"] == "two"
    assert (await machines.api.get(f"{base}/NONE")).status_code == 404
    assert (await machines.api.delete(f"{base}/WORD")).json()["version"] == 4


async def test_a_machine_is_created_with_the_secrets_of_at_least_a_version(
    machines: Machines,
) -> None:
    """`min_secrets_version` reads your writes; one that does not exist is refused."""
    await machines.api.post("/v1/apps/demo/secrets", json={"values": {"A": "1"}})
    await machines.serving(min_secrets_version=1)
    assert (await machines.ask("/env?A")).text == "1"
    body = {"config": machines.config(), "min_secrets_version": 9}
    assert (await machines.api.post(machines.base, json=body)).status_code == 412


async def test_no_secret_is_readable_on_disk(machines: Machines) -> None:
    """A search through the state folder does not find the value."""
    canary = "canary-7f3a9b"
    await machines.api.post("/v1/apps/demo/secrets", json={"values": {"A": canary}})
    await machines.serving()
    assert (await machines.ask("/env?A")).text == canary
    folder = machines.fly.state_dir
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not [path for path in files if canary.encode() in path.read_bytes()]


async def test_the_machines_environment(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From scratch: image, config, Fly's own; nothing of the process that started the daemon."""
    monkeypatch.setenv("DAEMONS_OWN", "leaked")
    config = machines.config(
        env={"FROM_CONFIG": "config", "FLY_REGION": "forged"},
        metadata={"fly_process_group": "app"},
        guest={"memory_mb": 512},
    )
    machine = await machines.serving(config=config, region="lhr")
    expected = {
        "FROM_IMAGE": "image",
        "FROM_CONFIG": "config",
        "FLY_REGION": "lhr",
        "FLY_APP_NAME": "demo",
        "FLY_MACHINE_ID": machine["id"],
        "FLY_MACHINE_VERSION": machine["instance_id"],
        "FLY_VM_MEMORY_MB": "512",
        "FLY_PROCESS_GROUP": "app",
        "HOST": machine["private_ip"],
        "DAEMONS_OWN": "",
    }
    for name, value in expected.items():
        assert (await machines.ask(f"/env?{name}")).text == value, name


async def test_a_pair_of_egress_addresses(machines: Machines) -> None:
    """Two addresses at once, in the form of Fly's document."""
    path = "/v1/apps/demo/ip_assignments"
    pair = (await machines.api.post(path, json={"type": "egress_pair"})).json()["ip_pair"]
    listed = {one["ip"] for one in (await machines.api.get(path)).json()["ips"]}
    assert set(pair) == {"v4", "v6"}
    assert set(pair.values()) <= listed


async def test_ips(machines: Machines) -> None:
    """Assigned, listed, released."""
    base = "/v1/apps/demo/ip_assignments"
    assert (await machines.api.get(base)).json() == {"ips": []}
    body = {"region": "", "org_slug": "personal", "network": "", "service_name": ""}
    v6 = (await machines.api.post(base, json={"type": "v6", **body})).json()
    shared = (await machines.api.post(base, json={"type": "shared_v4", **body})).json()
    assert ":" in v6["ip"]
    assert shared["shared"] is True
    assert len((await machines.api.get(base)).json()["ips"]) == 2
    assert (await machines.api.delete(f"{base}/{v6['ip']}")).status_code == 204
    assert (await machines.api.delete(f"{base}/{v6['ip']}")).status_code == 404
    assert (await machines.api.post(base, json={"type": "v9"})).status_code == 400


async def test_images(machines: Machines) -> None:
    """New, known, absent; and nothing that is not what its name says."""
    image = make_image({"a.py": b"1"}, ["python", "a.py"])
    path = f"/_images/{digest_of(image)}"
    assert (await machines.api.head(path)).status_code == 404
    assert (await machines.api.put(path, content=image)).status_code == 201
    assert (await machines.api.put(path, content=image)).status_code == 200
    assert (await machines.api.head(path)).status_code == 200
    listed = (await machines.api.get("/_images")).json()["images"]
    assert {i["digest"] for i in listed} == {digest_of(image), digest_of(tiny_image())}
    wrong = await machines.api.put(f"/_images/{digest_of(b'x')}", content=image)
    assert wrong.status_code == 400
    assert (await machines.api.put("/_images/latest", content=image)).status_code == 400


async def test_graphql(machines: Machines) -> None:
    """Parsed, validated, with aliases; an unknown app is null with Fly's error."""
    variables = {"name": "demo"}
    found = await machines.api.post("/graphql", json={"query": APP_QUERY, "variables": variables})
    app = found.json()["data"]["app"]
    port = httpx.URL(machines.fly.proxy_url).port
    assert app["appUrl"] == f"http://demo.localhost:{port}"
    assert app["organization"] == {"slug": "personal"}
    alias = """query($appName:String!){appcompact:app(name:$appName){
        name deployed organization{id internalNumericId slug} postgresAppRole:role{name}}}"""
    answer = await machines.api.post(
        "/graphql", json={"query": alias, "variables": {"appName": "demo"}}
    )
    assert answer.json()["data"]["appcompact"]["name"] == "demo"
    missing = await machines.api.post(
        "/graphql", json={"query": APP_QUERY, "variables": {"name": "none"}}
    )
    assert missing.status_code == 200
    assert missing.json()["data"] == {"app": None}
    assert missing.json()["errors"][0]["message"] == "Could not find App"
    assert missing.json()["errors"][0]["extensions"] == {"code": "NOT_FOUND"}
    invalid = await machines.api.post("/graphql", json={"query": "{ nonsense }"})
    assert "nonsense" in invalid.json()["errors"][0]["message"]


async def test_graphql_about_the_user_and_the_platform(machines: Machines) -> None:
    """Viewer, organizations and regions, as flyctl asks for them."""
    query = """{ viewer{... on User{email} ... on Macaroon{email}}
        organizations{nodes{slug type}} organization(slug:"personal"){id name}
        platform{requestRegion regions{name code}} nearestRegion{code} apps{nodes{name}} }"""
    data = (await machines.api.post("/graphql", json={"query": query})).json()["data"]
    assert data["viewer"]["email"]
    assert data["organizations"]["nodes"] == [{"slug": "personal", "type": "PERSONAL"}]
    assert data["nearestRegion"] == {"code": "iad"}
    assert data["apps"] == {"nodes": [{"name": "demo"}]}
    regions = (await machines.api.get("/v1/platform/regions")).json()
    assert {r["code"] for r in regions["regions"]} == {
        r["code"] for r in data["platform"]["regions"]
    }


async def test_logs_are_paged(machines: Machines) -> None:
    """A token leads on from the last line; a machine's lines can be asked for alone."""
    machine = await machines.serving()
    path = "/api/v1/apps/demo/logs"
    first = (await machines.api.get(f"{path}?next_token=&instance={machine['id']}")).json()
    messages = [line["attributes"]["message"] for line in first["data"]]
    assert messages == [f"listening on {machine['private_ip']}:8080"]
    token = first["meta"]["next_token"]
    assert (await machines.api.get(f"{path}?next_token={token}")).json()["data"] == []
    await machines.post(machine["id"], "stop")
    await machines.wait(machine["id"], "stopped")
    more = (await machines.api.get(f"{path}?next_token={token}")).json()
    assert [line["attributes"]["message"] for line in more["data"]] == ["bye"]
    assert (await machines.api.get(f"{path}?instance=other")).json()["data"] == []


async def test_web_pages_cannot_drive_the_api(machines: Machines) -> None:
    """Neither under a foreign name (DNS rebinding) nor from a foreign page."""
    for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
        answer = await machines.api.get("/v1/apps/demo", headers=headers)
        assert answer.status_code == 403


async def test_apps_come_in_pages(machines: Machines) -> None:
    """By name; the last page has no cursor."""
    for name in ("alpha", "zulu"):
        await machines.api.post("/v1/apps", json={"name": name, "org_slug": "personal"})
    first = (await machines.api.get("/v1/apps?org_slug=personal&limit=2")).json()
    assert [app["name"] for app in first["apps"]] == ["alpha", "demo"]
    assert first["total_apps"] == 3
    query = f"org_slug=personal&limit=2&cursor={first['next_cursor']}"
    second = (await machines.api.get(f"/v1/apps?{query}")).json()
    assert [app["name"] for app in second["apps"]] == ["zulu"]
    assert second["next_cursor"] == ""
