"""The answers of the Fly in memory: a request of the Machines, releases, logs or registry API."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tests.simulation import graphql
from tests.simulation.call import Call, Reply
from tests.simulation.fly import PaperFly, machine_json, shown_secrets
from tests.simulation.machine import is_resting
from tests.simulation.refusal import RefusalError

LEASE_HEADER = "fly-machine-lease-nonce"
_DESTROY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """A request as its route reads it.

    Attributes:
        names: the parts of the path that the route leaves open.
    """

    fly: PaperFly
    call: Call
    names: tuple[str, ...]

    @property
    def app(self) -> str:
        """The first of them."""
        return self.names[0]

    @property
    def id(self) -> str:
        """The second of them."""
        return self.names[1]

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters."""
        return self.call.query

    @property
    def body(self) -> Any:
        """Its JSON."""
        return json.loads(self.call.content or b"{}")

    @property
    def nonce(self) -> str:
        """Of the lease that the caller thinks to hold."""
        return self.call.headers.get(LEASE_HEADER, "")


Route = Callable[[Request], Awaitable[Reply]]
_ROUTES: list[tuple[str, re.Pattern[str], Route]] = []


async def answer(fly: PaperFly, call: Call) -> Reply:
    """Find the route and ask it; a refusal is an answer, too."""
    try:
        for verb, pattern, route in _ROUTES:
            if verb == call.method and (found := pattern.fullmatch(call.path)):
                return await route(Request(fly, call, found.groups()))
        raise RefusalError(404, f"Not Found: {call.method} {call.path}")
    except RefusalError as exc:
        document = {"error": str(exc), "status": "unknown"}
        return Reply(exc.status, document, {"fly-request-id": fly.new_id()})


def _route(method: str, path: str) -> Callable[[Route], Route]:
    pattern = re.compile(re.sub(r"{\w+}", "([^/]+)", path))

    def add(route: Route) -> Route:
        _ROUTES.append((method, pattern, route))
        return route

    return add


@_route("GET", "/v1/apps/{app}/machines/{id}")
async def _machine(asked: Request) -> Reply:
    return Reply(body=machine_json(asked.fly.machine(asked.app, asked.id)))


@_route("GET", "/v1/apps/{app}/machines")
async def _machines(asked: Request) -> Reply:
    return Reply(body=[machine_json(m) for m in asked.fly.app(asked.app).living])


@_route("POST", "/v1/apps/{app}/machines")
async def _create_machine(asked: Request) -> Reply:
    return Reply(body=machine_json(asked.fly.create_machine(asked.app, asked.body)))


@_route("POST", "/v1/apps/{app}/machines/{id}")
async def _update_machine(asked: Request) -> Reply:
    machine = asked.fly.held(asked.app, asked.id, asked.nonce)
    machine.update(asked.body["config"])
    return Reply(body=machine_json(machine))


@_route("DELETE", "/v1/apps/{app}/machines/{id}")
async def _destroy(asked: Request) -> Reply:
    machine = asked.fly.held(asked.app, asked.id, asked.nonce)
    machine.destroy()
    await machine.until(lambda: not machine.exists, _DESTROY_SECONDS)
    return Reply(body={"ok": True})


@_route("GET", "/v1/apps/{app}/machines/{id}/wait")
async def _wait(asked: Request) -> Reply:
    machine, wanted = asked.fly.machine(asked.app, asked.id), asked.query["state"]
    seconds = float(asked.query.get("timeout", "60"))
    await machine.until(lambda: machine.state == wanted or not machine.exists, seconds)
    if machine.state == wanted:
        return Reply(body={"ok": True, "state": wanted})
    if not machine.exists:
        raise RefusalError(404, f"machine not found: machine {machine.id} is destroyed")
    raise RefusalError(408, f"deadline_exceeded: {wanted} not reached, currently {machine.state}")


@_route("POST", "/v1/apps/{app}/machines/{id}/start")
async def _start(asked: Request) -> Reply:
    machine = asked.fly.held(asked.app, asked.id, asked.nonce)
    former = machine.state
    if former not in {"started", "starting"} and (not is_resting(former) or former == "created"):
        raise RefusalError(
            412, f"failed_precondition: unable to start from current state: '{former}'"
        )
    machine.start()
    return Reply(body={"previous_state": former})


@_route("POST", "/v1/apps/{app}/machines/{id}/stop")
async def _stop(asked: Request) -> Reply:
    asked.fly.held(asked.app, asked.id, asked.nonce).stop()
    return Reply(body={"ok": True})


@_route("POST", "/v1/apps/{app}/machines/{id}/cordon")
async def _cordon(asked: Request) -> Reply:
    asked.fly.held(asked.app, asked.id, asked.nonce).route(is_in=False)
    return Reply(body={"ok": True})


@_route("POST", "/v1/apps/{app}/machines/{id}/uncordon")
async def _uncordon(asked: Request) -> Reply:
    asked.fly.held(asked.app, asked.id, asked.nonce).route(is_in=True)
    return Reply(body={"ok": True})


@_route("POST", "/v1/apps/{app}/machines/{id}/exec")
async def _exec(asked: Request) -> Reply:
    machine = asked.fly.living(asked.app, asked.id)
    if machine.guest is None or machine.state != "started":
        raise RefusalError(412, "failed_precondition: machine not running")
    now = asyncio.get_running_loop().time()
    return Reply(body=machine.guest.execute(asked.body["command"], now))


@_route("PATCH", "/v1/apps/{app}/machines/{id}/metadata")
async def _patch_metadata(asked: Request) -> Reply:
    machine = asked.fly.living(asked.app, asked.id)
    merged = {**machine.metadata, **asked.body["metadata"]}
    machine.config["metadata"] = {key: value for key, value in merged.items() if value}
    return Reply(204)


@_route("POST", "/v1/apps/{app}/machines/{id}/metadata/{key}")
async def _set_metadata(asked: Request) -> Reply:
    app, machine_id, key = asked.names
    asked.fly.living(app, machine_id).metadata[key] = asked.body["value"]
    return Reply(204)


@_route("POST", "/v1/apps/{app}/machines/{id}/lease")
async def _take_lease(asked: Request) -> Reply:
    machine, body = asked.fly.living(asked.app, asked.id), asked.body
    lease = asked.fly.take_lease(machine, asked.nonce, body["ttl"], body.get("description", ""))
    return Reply(201, {"status": "success", "data": asdict(lease)})


@_route("GET", "/v1/apps/{app}/machines/{id}/lease")
async def _lease(asked: Request) -> Reply:
    lease = asked.fly.lease(asked.fly.living(asked.app, asked.id))
    return Reply(body={"status": "success", "data": asdict(lease)})


@_route("DELETE", "/v1/apps/{app}/machines/{id}/lease")
async def _give_lease_back(asked: Request) -> Reply:
    machine = asked.fly.living(asked.app, asked.id)
    asked.fly.lease(machine)
    asked.fly.check_holder(machine, asked.nonce)
    machine.lease = None
    return Reply(body={"ok": True})


@_route("GET", "/v1/apps/{app}/secrets")
async def _secrets(asked: Request) -> Reply:
    return Reply(body={"secrets": list(shown_secrets(asked.fly.app(asked.app)))})


@_route("POST", "/v1/apps/{app}/secrets")
async def _set_secrets(asked: Request) -> Reply:
    version = asked.fly.set_secrets(asked.fly.app(asked.app), asked.body["values"])
    return Reply(body={"version": version})


@_route("GET", "/v1/apps/{app}/ip_assignments")
async def _ips(asked: Request) -> Reply:
    return Reply(body={"ips": asked.fly.app(asked.app).ips})


@_route("POST", "/v1/apps/{app}/ip_assignments")
async def _assign_ip(asked: Request) -> Reply:
    kind = asked.body["type"]
    made = {"ip": "2a09::1" if kind == "v6" else "66.241.0.1", "shared": kind.startswith("shared")}
    asked.fly.app(asked.app).ips.append(made)
    return Reply(body=made)


@_route("POST", "/v1/apps")
async def _create_app(asked: Request) -> Reply:
    made = asked.fly.create_app(asked.body["name"], asked.body["org_slug"])
    return Reply(201, {"name": made.name})


@_route("GET", "/v1/apps/{app}")
async def _app(asked: Request) -> Reply:
    found = asked.fly.app(asked.app)
    organization = {"slug": found.org, "name": found.org}
    return Reply(body={"name": found.name, "status": "deployed", "organization": organization})


@_route("DELETE", "/v1/apps/{app}")
async def _delete_app(asked: Request) -> Reply:
    del asked.fly.apps[asked.fly.app(asked.app).name]
    return Reply(202)


@_route("GET", "/api/v1/apps/{app}/logs")
async def _logs(asked: Request) -> Reply:
    machine = asked.fly.machine(asked.app, asked.query["instance"])
    return Reply(body={"data": [{"attributes": {"message": line}} for line in machine.log]})


@_route("POST", "/api/v1/releases")
async def _open_record(asked: Request) -> Reply:
    return Reply(201, {"release": asked.fly.open_record(asked.body["app_name"])})


@_route("PATCH", "/api/v1/releases/{id}")
async def _close_record(asked: Request) -> Reply:
    return Reply(body=asked.fly.close_record(asked.app, asked.body["status"]))


@_route("POST", "/graphql")
async def _graphql(asked: Request) -> Reply:
    return Reply(body=graphql.answer(asked.fly, asked.body["query"], asked.body["variables"]))


@_route("HEAD", "/_images/{digest}")
async def _has_image(asked: Request) -> Reply:
    is_there = asked.fly.has_all_images or asked.names[0] in asked.fly.images
    return Reply(200 if is_there else 404)


@_route("PUT", "/_images/{digest}")
async def _push_image(asked: Request) -> Reply:
    digest = f"sha256:{hashlib.sha256(asked.call.content).hexdigest()}"
    if digest != asked.names[0]:
        raise RefusalError(422, f"the content is {digest}")
    asked.fly.images[digest] = asked.call.content
    return Reply(201)
