"""Upstash Redis databases: real servers behind Fly's GraphQL."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from localfly.addons.addon import PAY_AS_YOU_GO
from localfly.daemon.control import DaemonControl
from localfly.daemon.info import DaemonInfo
from localfly.daemon.local_fly import LocalFly
from localfly.processes.identity import identify, marked_processes
from localfly.state.env_file import read_token
from localfly.state.store import Store
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError

from tests.support.localfly import Json, Machines, clients, ended, local_machines

pytestmark = pytest.mark.integration

CREATE = """mutation CreateAddOn($input: CreateAddOnInput!) { createAddOn(input: $input) {
    addOn { id name publicUrl password primaryRegion } } }"""
GET = """query GetAddOn($name: String, $provider: String) {
    addOn(name: $name, provider: $provider) {
        id status publicUrl options readRegions organization { slug }
        addOnPlan { id displayName } addOnProvider { displayName } } }"""
UPDATE = """mutation UpdateRedisAddOn($id: ID!, $plan: ID!, $regions: [String!]!, $options: JSON!,
    $prodPack: Boolean) { updateAddOn(input: {addOnId: $id, planId: $plan, readRegions: $regions,
    options: $options, prodPack: $prodPack}) { addOn { id options readRegions } } }"""
DELETE = """mutation DeleteAddOn($name: String) {
    deleteAddOn(input: {name: $name, provider: "upstash_redis"}) { deletedAddOnName } }"""
RESET = """mutation($name: String!) { resetAddOnPassword(input: {name: $name}) {
    addOn { publicUrl } } }"""
LIST = """query($type: AddOnType) { addOns(type: $type) { nodes { name organization { slug } } }
    organization(slug: "personal") { addOns(type: $type) { nodes { name } } } }"""
PLANS = """{ addOnPlans(type: upstash_redis) { nodes { id displayName maxDataSize pricePerMonth } }
    addOnProvider(name: "upstash_redis") { id name excludedRegions { code } } }"""


async def ask(machines: Machines, query: str, **variables: Any) -> Json:
    answer = await machines.api.post("/graphql", json={"query": query, "variables": variables})
    found: Json = answer.json()
    return found


async def create(machines: Machines, name: str = "r1", **changes: Any) -> Json:
    asked: Json = {"name": name, "organizationId": "org-personal", "planId": PAY_AS_YOU_GO}
    asked |= {"appId": "", "primaryRegion": "iad", "readRegions": None, "options": {}}
    answer = await ask(machines, CREATE, input={**asked, "type": "upstash_redis", **changes})
    assert "errors" not in answer, answer
    found: Json = answer["data"]["createAddOn"]["addOn"]
    return found


async def run(url: str, *words: str) -> Any:
    async with Redis.from_url(url, decode_responses=True) as client:
        return await client.execute_command(*words)  # type: ignore[no-untyped-call]


async def test_a_database_is_a_server_with_a_password(machines: Machines) -> None:
    """It serves on a loopback address at once, to clients that have its URL, and to no other."""
    made = await create(machines)
    url = made["publicUrl"]
    assert url.startswith(f"redis://default:{made['password']}@127.")
    assert await run(url, "SET", "a", "1")
    assert await run(url, "GET", "a") == "1"
    for wrong in (url.replace(made["password"], "wrong"), url.replace(":" + made["password"], "")):
        with pytest.raises(AuthenticationError):
            await run(wrong, "PING")


async def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    """A space or a quote in a user's path is part of it."""
    async with local_machines(tmp_path / 'my "own" \\state') as machines:
        made = await create(machines)
        assert await run(made["publicUrl"], "SET", "a", "1")


async def test_the_password_is_on_disk_nowhere(machines: Machines) -> None:
    """Neither in the state, nor in the server's settings or arguments."""
    made = await create(machines)
    files = [path for path in machines.fly.state_dir.rglob("*") if path.is_file()]
    assert not [path for path in files if made["password"].encode() in path.read_bytes()]
    state_id = (Store(machines.fly.state_dir).read("identity") or {})["state_id"]
    for pid in marked_processes(state_id):
        identity = identify(pid)
        assert identity
        assert made["password"] not in identity.command


async def test_databases_are_listed_described_and_deleted(machines: Machines) -> None:
    """By flyctl's queries; what is gone is an error of the kind that flyctl knows."""
    await create(machines)
    listed = (await ask(machines, LIST, type="upstash_redis"))["data"]
    assert listed["addOns"]["nodes"] == [{"name": "r1", "organization": {"slug": "personal"}}]
    assert listed["organization"]["addOns"]["nodes"] == [{"name": "r1"}]
    other = (await ask(machines, LIST, type="tigris"))["data"]
    assert other["addOns"]["nodes"] == []
    found = (await ask(machines, GET, name="r1", provider="upstash_redis"))["data"]["addOn"]
    assert (found["status"], found["addOnPlan"]["id"]) == ("ready", PAY_AS_YOU_GO)
    gone = (await ask(machines, DELETE, name="r1"))["data"]["deleteAddOn"]
    assert gone == {"deletedAddOnName": "r1"}
    with pytest.raises((RedisError, OSError)):
        await run(found["publicUrl"], "PING")
    again = await ask(machines, GET, name="r1")
    assert again["data"] == {"addOn": None}
    assert again["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_an_update_keeps_the_data(machines: Machines) -> None:
    """Another plan, eviction, read regions; the server knows the new settings."""
    made = await create(machines)
    await run(made["publicUrl"], "SET", "a", "kept")
    changed = {"plan": "local_fixed_250mb", "regions": ["lhr"], "options": {"eviction": True}}
    answer = await ask(machines, UPDATE, id=made["id"], prodPack=True, **changed)
    addon = answer["data"]["updateAddOn"]["addOn"]
    assert addon["options"] == {"eviction": True, "prod_pack": True}
    assert addon["readRegions"] == ["lhr"]
    assert await run(made["publicUrl"], "GET", "a") == "kept"
    policy = await run(made["publicUrl"], "CONFIG", "GET", "maxmemory*")
    assert policy["maxmemory-policy"] == "allkeys-lru"
    assert policy["maxmemory"] == str(250 * 1024 * 1024)


async def test_a_new_password_replaces_the_old_one(machines: Machines) -> None:
    """At once, and without loss."""
    old = (await create(machines))["publicUrl"]
    await run(old, "SET", "a", "1")
    new = (await ask(machines, RESET, name="r1"))["data"]["resetAddOnPassword"]["addOn"]
    assert await run(new["publicUrl"], "GET", "a") == "1"
    with pytest.raises(AuthenticationError):
        await run(old, "PING")


async def test_plans(machines: Machines) -> None:
    """Those that Fly documents; the pay-as-you-go one has Fly's id, which flyctl asks for."""
    data = (await ask(machines, PLANS))["data"]
    plans = {plan["id"]: plan for plan in data["addOnPlans"]["nodes"]}
    assert PAY_AS_YOU_GO in plans
    prices = {p["maxDataSize"]: p["pricePerMonth"] for p in plans.values() if p["pricePerMonth"]}
    expected = {"250 MB": 1000, "1 GB": 2000, "5 GB": 10000, "10 GB": 20000, "50 GB": 40000}
    assert prices == expected
    assert data["addOnProvider"]["name"] == "upstash_redis"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": "r1"}, "already been taken"),
        ({"name": "No Good"}, "may only contain"),
        ({"planId": "free"}, "no plan 'free'"),
        ({"primaryRegion": "moon"}, "unknown region 'moon'"),
    ],
)
async def test_what_fly_would_refuse(machines: Machines, change: Json, complaint: str) -> None:
    """In words, and without a server left behind."""
    await create(machines)
    asked = {"name": "r2", "type": "upstash_redis", **change}
    answer = await ask(machines, CREATE, input=asked)
    assert complaint in answer["errors"][0]["message"]
    listed = (await ask(machines, LIST, type="upstash_redis"))["data"]["addOns"]["nodes"]
    assert [node["name"] for node in listed] == ["r1"]


async def test_a_server_that_dies_comes_back(machines: Machines) -> None:
    """With what it held."""
    url = (await create(machines))["publicUrl"]
    await run(url, "SET", "a", "1")
    (pid,) = marked_processes((Store(machines.fly.state_dir).read("identity") or {})["state_id"])
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(20):
        while True:
            try:
                if await run(url, "GET", "a") == "1":
                    break
            except (RedisError, OSError):
                await asyncio.sleep(0.05)


async def test_databases_come_back_with_the_daemon(tmp_path: Path) -> None:
    """Same URL, same data; while it is down no server runs."""
    async with local_machines(tmp_path) as machines:
        url = (await create(machines))["publicUrl"]
        await run(url, "SET", "a", "1")
    state_id = (Store(tmp_path).read("identity") or {})["state_id"]
    assert list(marked_processes(state_id)) == []
    async with LocalFly(tmp_path) as fly, clients(fly.api_url, fly.proxy_url) as (api, proxy):
        again = Machines(fly, api, proxy)
        async with asyncio.timeout(20):
            while True:
                try:
                    assert await run(url, "GET", "a") == "1"
                    break
                except (RedisError, OSError):
                    await asyncio.sleep(0.05)
        assert (await ask(again, GET, name="r1"))["data"]["addOn"]["publicUrl"] == url


async def test_a_killed_daemons_database_is_adopted_or_ended(tmp_path: Path) -> None:
    """The next `up` goes on with the same server; `down` ends it."""
    control = DaemonControl(tmp_path / "state")
    try:
        info = await start(control)
        token = read_token(control.folder)
        async with clients(info.api_url, info.proxy_url, token) as (api, proxy):
            url = (await create(Machines(None, api, proxy)))["publicUrl"]  # type: ignore[arg-type]
        state_id = (Store(control.folder).read("identity") or {})["state_id"]
        (pid,) = marked_processes(state_id)
        os.kill(info.pid, signal.SIGKILL)
        await ended(info.pid)
        await start(control)
        assert await run(url, "PING")
        assert list(marked_processes(state_id)) == [pid]
        await asyncio.to_thread(control.down)
        assert identify(pid) is None
    finally:
        control.down()


async def start(control: DaemonControl) -> DaemonInfo:
    return (await asyncio.to_thread(control.up, 0, 0)).info
