"""Machines, as far as GraphQL still knows them (docs/fly-api.md 5.1)."""

from localfly.graphql import apps
from localfly.graphql.world import Info, Json, World, connection
from localfly.machines import Lifecycle
from localfly.times import rfc3339


def queries(world: World) -> Json:
    def machine(_: Info, machineId: str) -> Json:  # noqa: N803 (the argument's name)
        return machine_document(world, world.cloud.fleet.find(machineId))

    return {"machine": machine}


def machine_document(world: World, lifecycle: Lifecycle) -> Json:
    machine = lifecycle.machine
    address = {"id": f"ip-{machine.id}", "ip": machine.address, "kind": "privatenet"}
    return {
        "id": machine.id,
        "name": machine.name,
        "state": machine.state,
        "region": machine.region,
        "instanceId": machine.instance_id,
        "config": machine.config.raw,
        "createdAt": rfc3339(machine.created_at),
        "updatedAt": rfc3339(machine.updated_at),
        "host": {"id": "localhost"},
        "ips": lambda _, **__: connection([{**address, "family": "v4", "maskSize": 32}]),
        "egressIpAddresses": lambda _, **__: connection([]),
        "app": lambda _: apps.app_document(world, world.app(machine.app)),
    }
