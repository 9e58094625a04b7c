"""What GraphQL can ask and change (docs/fly-api.md 5)."""

from typing import Any

import pytest
from graphql import build_schema
from localfly.graphql.resolvers import ResolverMap, bind, constant
from localfly.graphql.schema import executable_schema

from tests.support.localfly import Json, Machines

pytestmark = pytest.mark.integration


async def ask(machines: Machines, query: str, **variables: Any) -> Json:
    """The data of an answer without errors."""
    answer = await machines.api.post("/graphql", json={"query": query, "variables": variables})
    document: Json = answer.json()
    assert "errors" not in document, document
    data: Json = document["data"]
    return data


async def failure(machines: Machines, query: str, **variables: Any) -> Json:
    """The one error of an answer, which is still a 200."""
    answer = await machines.api.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200
    (error,) = answer.json()["errors"]
    found: Json = error
    return found


async def test_apps_are_made_and_deleted(machines: Machines) -> None:
    """The old way; the same apps as in the Machines API."""
    create = """mutation($input: CreateAppInput!) { createApp(input: $input) {
        app { id name status organization { slug } config { definition } regions { code } } } }"""
    asked = {"organizationId": "org-acme", "name": "new", "network": "", "machines": True}
    made = (await ask(machines, create, input=asked))["createApp"]["app"]
    assert (made["name"], made["organization"]["slug"]) == ("new", "acme")
    assert (await machines.api.get("/v1/apps/new")).status_code == 200
    free = "query($name: String!) { appNameAvailable(name: $name) }"
    assert (await ask(machines, free, name="new"))["appNameAvailable"] is False
    taken = await failure(machines, create, input=asked)
    assert taken["extensions"] == {"code": "UNPROCESSABLE"}
    delete = "mutation($id: ID!) { deleteApp(appId: $id) { organization { slug } } }"
    gone = await ask(machines, delete, id="new")
    assert gone["deleteApp"]["organization"]["slug"] == "acme"
    assert (await machines.api.get("/v1/apps/new")).status_code == 404


async def test_apps_are_listed_by_organization(machines: Machines) -> None:
    """All of them, or those of one; an organization shows its own."""
    await machines.api.post("/v1/apps", json={"name": "theirs", "org_slug": "acme"})
    query = """query($org: ID) { apps(type: "container", first: 200, organizationId: $org) {
        pageInfo { hasNextPage } nodes { name status currentRelease { status } } }
        organization(slug: "acme") { name apps { nodes { name } } } }"""
    every = await ask(machines, query)
    assert {node["name"] for node in every["apps"]["nodes"]} == {"demo", "theirs"}
    one = await ask(machines, query, org="org-acme")
    assert [node["name"] for node in one["apps"]["nodes"]] == ["theirs"]
    assert one["organization"]["apps"]["nodes"] == [{"name": "theirs"}]


async def test_addresses_are_allocated_and_released(machines: Machines) -> None:
    """Dedicated, shared, private, egress; by address or by id."""
    allocate = """mutation($input: AllocateIPAddressInput!) { allocateIpAddress(input: $input) {
        app { sharedIpAddress } ipAddress { id address type region createdAt } } }"""
    made = {}
    for kind in ("v4", "v6", "private_v6", "shared_v4"):
        answer = await ask(machines, allocate, input={"appId": "demo", "type": kind, "region": ""})
        made[kind] = answer["allocateIpAddress"]
    assert made["shared_v4"]["app"]["sharedIpAddress"] == made["shared_v4"]["ipAddress"]["address"]
    egress = """mutation($input: AllocateEgressIPAddressInput!) {
        allocateEgressIpAddress(input: $input) { v4 v6 } }"""
    out = await ask(machines, egress, input={"appId": "demo", "machineId": "", "region": "iad"})
    shown = """{ app(name: "demo") { sharedIpAddress
        ipAddresses { nodes { type network { name organization { slug } } } }
        egressIpAddresses { nodes { ip version } } } }"""
    app = (await ask(machines, shown))["app"]
    assert [ip["type"] for ip in app["ipAddresses"]["nodes"]] == ["v4", "v6", "private_v6"]
    assert app["ipAddresses"]["nodes"][2]["network"]["organization"]["slug"] == "personal"
    pair = {ip["version"]: ip["ip"] for ip in app["egressIpAddresses"]["nodes"]}
    assert pair == {
        4: out["allocateEgressIpAddress"]["v4"],
        6: out["allocateEgressIpAddress"]["v6"],
    }
    release = """mutation($input: ReleaseIPAddressInput!) {
        releaseIpAddress(input: $input) { clientMutationId } }"""
    v4, v6 = made["v4"]["ipAddress"], made["v6"]["ipAddress"]
    await ask(machines, release, input={"appId": "demo", "ip": v4["address"]})
    await ask(machines, release, input={"appId": "demo", "ipAddressId": v6["id"]})
    back = """mutation($input: ReleaseEgressIPAddressInput!) {
        releaseEgressIpAddress(input: $input) { v4 v6 } }"""
    returned = await ask(machines, back, input={"appId": "demo", "ip": pair[4]})
    assert returned["releaseEgressIpAddress"] == {"v4": pair[4], "v6": None}
    app = (await ask(machines, shown))["app"]
    assert [ip["type"] for ip in app["ipAddresses"]["nodes"]] == ["private_v6"]
    again = await failure(machines, release, input={"appId": "demo", "ip": v4["address"]})
    assert again["extensions"] == {"code": "NOT_FOUND"}


async def test_secrets_the_old_way(machines: Machines) -> None:
    """Set, replaced, unset; the same secrets as in the Machines API."""
    set_them = """mutation($input: SetSecretsInput!) { setSecrets(input: $input) {
        app { secrets { name digest } } release { id version } } }"""
    two = [{"key": "A", "value": "1"}, {"key": "B", "value": "2"}]
    data = await ask(machines, set_them, input={"appId": "demo", "secrets": two})
    assert [s["name"] for s in data["setSecrets"]["app"]["secrets"]] == ["A", "B"]
    one = {"appId": "demo", "secrets": [{"key": "C", "value": "3"}], "replaceAll": True}
    data = await ask(machines, set_them, input=one)
    assert [s["name"] for s in data["setSecrets"]["app"]["secrets"]] == ["C"]
    unset = """mutation($input: UnsetSecretsInput!) { unsetSecrets(input: $input) {
        app { secrets { name } } } }"""
    await ask(machines, unset, input={"appId": "demo", "keys": ["C"]})
    assert (await machines.api.get("/v1/apps/demo/secrets")).json() == {"secrets": []}


async def test_releases_the_old_way(machines: Machines) -> None:
    """Made and changed by mutations; the same records as in the releases API."""
    create = """mutation($input: CreateReleaseInput!) { createRelease(input: $input) {
        release { id version status } } }"""
    asked = {"appId": "demo", "definition": {"app": "demo"}, "image": "nginx:1"}
    asked |= {"platformVersion": "machines", "strategy": "ROLLING"}
    made = (await ask(machines, create, input=asked))["createRelease"]["release"]
    update = """mutation($input: UpdateReleaseInput!) { updateRelease(input: $input) {
        release { id } } }"""
    await ask(machines, update, input={"releaseId": made["id"], "status": "complete"})
    current = (await machines.api.get("/api/v1/apps/demo/releases/current")).json()
    assert (current["version"], current["status"]) == (1, "complete")


async def test_machines_and_images_of_an_app(machines: Machines) -> None:
    """What runs, and what an image's name means; an image that can't be had is null."""
    machine = await machines.serving()
    query = """query($ref: String!, $id: String!) { app(name: "demo") {
        machines { nodes { id state region ips { nodes { ip } } app { name } } }
        machine(id: $id) { instanceId } imageDetails { repository digest }
        image(ref: $ref) { ref digest compressedSize: compressedSizeFull } } }"""
    known = f"registry.fly.io/demo:v1@{machines.digest}"
    app = (await ask(machines, query, ref=known, id=machine["id"]))["app"]
    (node,) = app["machines"]["nodes"]
    assert (node["id"], node["state"], node["app"]["name"]) == (machine["id"], "started", "demo")
    assert app["machine"]["instanceId"] == machine["instance_id"]
    assert app["imageDetails"] == {"repository": "demo", "digest": machines.digest}
    assert app["image"]["ref"] == "registry.fly.io/demo:v1"
    assert int(app["image"]["compressedSize"]) > 1000
    by_digest = known.replace(":v1", "")
    again = await ask(machines, query, ref=by_digest, id=machine["id"])
    assert again["app"]["image"]["ref"] == by_digest
    unknown = {"ref": "registry.fly.io/demo:none", "id": machine["id"]}
    assert (await ask(machines, query, **unknown))["app"]["image"] is None
    by_id = "query($id: String!) { machine(machineId: $id) { name host { id } } }"
    assert (await ask(machines, by_id, id=machine["id"]))["machine"]["name"] == machine["name"]
    lost = await failure(machines, by_id, id="00000000000000")
    assert lost["extensions"] == {"code": "NOT_FOUND"}


async def test_bluegreen_needs_an_app_without_volumes(machines: Machines) -> None:
    """flyctl asks before it begins."""
    query = """query($appName: String!) { canPerformBluegreenDeployment(name: $appName) }"""
    assert await ask(machines, query, appName="demo") == {"canPerformBluegreenDeployment": True}
    await machines.api.post("/v1/apps/demo/volumes", json={"name": "data"})
    assert await ask(machines, query, appName="demo") == {"canPerformBluegreenDeployment": False}


def test_each_root_field_has_a_resolver() -> None:
    """A query without one would answer null."""
    schema = executable_schema()
    for root in (schema.query_type, schema.mutation_type):
        assert root
        assert [name for name, field in root.fields.items() if field.resolve is None] == []


@pytest.mark.parametrize(
    ("maps", "text"),
    [
        ([{"App": {"colour": constant(1)}}], "no field App.colour"),
        ([{"Colour": {"name": constant(1)}}], "no field Colour.name"),
        ([{"App": {"name": constant(1)}}, {"App": {"name": constant(2)}}], "two resolvers"),
    ],
)
def test_a_resolver_belongs_to_one_field_of_the_schema(maps: list[ResolverMap], text: str) -> None:
    """Or the schema can't be built."""
    schema = build_schema("type Query { app: App } type App { name: String }")
    with pytest.raises(ValueError, match=text):
        bind(schema, maps)
