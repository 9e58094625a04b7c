"""Addresses of apps (docs/fly-api.md 5.2)."""

from typing import Any, Final

from localfly.accounts.organization import Organization
from localfly.apps.app import App, IpAssignment
from localfly.graphql.connection import connection
from localfly.graphql.context import Info, Json
from localfly.graphql.resolvers import ResolverMap
from localfly.timing.timestamp import rfc3339

_PREFIX: Final = "ip-"
_EGRESS_KINDS: Final = {"v4": "egress_v4", "v6": "egress_v6"}


def _allocate(_: None, info: Info, input: Json) -> Json:  # noqa: A002 (the argument's name)
    app = info.context.app(input["appId"])
    region, service = input.get("region") or "", input.get("serviceName") or ""
    ip = info.context.cloud.apps.assign_ip(app, input["type"], region, service)
    return {"app": app, "ipAddress": _document(app, ip)}


def _release(_: None, info: Info, input: Json) -> Json:  # noqa: A002
    app = info.context.app(input.get("appId") or "")
    identifier = input.get("ipAddressId") or ""
    info.context.cloud.apps.release_ip(app, input.get("ip") or identifier.removeprefix(_PREFIX))
    return {"app": app}


def _allocate_egress(_: None, info: Info, input: Json) -> Json:  # noqa: A002
    app, region = info.context.app(input["appId"]), input.get("region") or ""
    apps = info.context.cloud.apps
    return {key: apps.assign_ip(app, kind, region, "").ip for key, kind in _EGRESS_KINDS.items()}


def _release_egress(_: None, info: Info, input: Json) -> Json:  # noqa: A002
    address = input.get("ip") or ""
    info.context.cloud.apps.release_ip(info.context.app(input["appId"]), address)
    return {"v6" if ":" in address else "v4": address}


def _one(app: App, _: Info, address: str) -> Json | None:
    return next((_document(app, ip) for ip in app.ips if ip.ip == address), None)


def _own(app: App, _: Info, first: int | None = None, **__: Any) -> Json:
    own = (ip for ip in app.ips if not (ip.egress or ip.shared))
    return connection((_document(app, ip) for ip in own), first)


def _egress(app: App, _: Info, first: int | None = None, **__: Any) -> Json:
    return connection((_egress_document(ip) for ip in app.ips if ip.egress), first)


def _shared(app: App, _: Info) -> str | None:
    return next((ip.ip for ip in app.ips if ip.shared), None)


def _document(app: App, ip: IpAssignment) -> Json:
    organization = Organization(app.organization)
    network = {"id": "network-1", "name": app.network, "organization": organization}
    return {
        "id": _PREFIX + ip.ip,
        "address": ip.ip,
        "type": ip.kind,
        "region": ip.region,
        "createdAt": rfc3339(ip.created_at),
        "network": network if ip.kind == "private_v6" else None,
        "serviceName": ip.service_name,
    }


def _egress_document(ip: IpAssignment) -> Json:
    return {
        "id": _PREFIX + ip.ip,
        "ip": ip.ip,
        "version": 4 if ip.kind == "egress_v4" else 6,
        "region": ip.region,
        "updatedAt": rfc3339(ip.created_at),
    }


RESOLVERS: Final[ResolverMap] = {
    "Mutations": {
        "allocateIpAddress": _allocate,
        "releaseIpAddress": _release,
        "allocateEgressIpAddress": _allocate_egress,
        "releaseEgressIpAddress": _release_egress,
    },
    "App": {
        "ipAddress": _one,
        "ipAddresses": _own,
        "egressIpAddresses": _egress,
        "sharedIpAddress": _shared,
    },
}
