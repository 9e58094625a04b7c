"""Machines, as far as GraphQL still knows them (docs/fly-api.md 5.1)."""

from typing import Any, Final

from localfly.apps.app import App
from localfly.graphql.connection import connection, empty_connection
from localfly.graphql.context import Info, Json
from localfly.graphql.resolvers import ResolverMap, constant
from localfly.machines.machine import Machine
from localfly.timing.timestamp import rfc3339


def _any(_: None, info: Info, machineId: str) -> Machine:  # noqa: N803 (the argument's name)
    return info.context.cloud.fleet.find(machineId).machine


def _of_app(app: App, info: Info, first: int | None = None, **_: Any) -> Json:
    found = info.context.cloud.fleet.list(app.name)
    return connection((lifecycle.machine for lifecycle in found), first)


def _one_of_app(app: App, info: Info, id: str) -> Machine:  # noqa: A002 (the argument's name)
    return info.context.cloud.fleet.get(app.name, id).machine


def _ips(machine: Machine, _: Info, **__: Any) -> Json:
    address = {"id": f"ip-{machine.id}", "ip": machine.address, "kind": "privatenet"}
    return connection([{**address, "family": "v4", "maskSize": 32}])


RESOLVERS: Final[ResolverMap] = {
    "Queries": {"machine": _any},
    "App": {"machines": _of_app, "machine": _one_of_app},
    "Machine": {
        "config": lambda machine, _: machine.config.raw,
        "createdAt": lambda machine, _: rfc3339(machine.created_at),
        "updatedAt": lambda machine, _: rfc3339(machine.updated_at),
        "host": constant({"id": "localhost"}),
        "ips": _ips,
        "egressIpAddresses": empty_connection,
        "app": lambda machine, info: info.context.app(machine.app),
    },
}
