"""Addresses of apps (docs/fly-api.md 5.2)."""

from localfly.app import App, IpAssignment
from localfly.graphql import apps
from localfly.graphql.world import Info, Json, World, connection
from localfly.organization import Organization
from localfly.times import rfc3339

_PREFIX = "ip-"


def mutations(world: World) -> Json:
    cloud = world.cloud

    def allocate(_: Info, input: Json) -> Json:  # noqa: A002 (the argument's name)
        app = world.app(input["appId"])
        region, service = input.get("region") or "", input.get("serviceName") or ""
        ip = cloud.apps.assign_ip(app, input["type"], region, service)
        return {"app": apps.app_document(world, app), "ipAddress": ip_document(app, ip)}

    def release(_: Info, input: Json) -> Json:  # noqa: A002
        app = world.app(input.get("appId") or "")
        identifier = input.get("ipAddressId") or ""
        cloud.apps.release_ip(app, input.get("ip") or identifier.removeprefix(_PREFIX))
        return {"app": apps.app_document(world, app)}

    def allocate_egress(_: Info, input: Json) -> Json:  # noqa: A002
        app, region = world.app(input["appId"]), input.get("region") or ""
        kinds = {"v4": "egress_v4", "v6": "egress_v6"}
        return {key: cloud.apps.assign_ip(app, kind, region, "").ip for key, kind in kinds.items()}

    def release_egress(_: Info, input: Json) -> Json:  # noqa: A002
        address = input.get("ip") or ""
        cloud.apps.release_ip(world.app(input["appId"]), address)
        return {"v6" if ":" in address else "v4": address}

    return {
        "allocateIpAddress": allocate,
        "releaseIpAddress": release,
        "allocateEgressIpAddress": allocate_egress,
        "releaseEgressIpAddress": release_egress,
    }


def fields(app: App) -> Json:
    """Those of the type App."""

    def ip_address(_: Info, address: str) -> Json | None:
        found = (ip for ip in app.ips if ip.ip == address)
        return next((ip_document(app, ip) for ip in found), None)

    own = [ip_document(app, ip) for ip in app.ips if not (ip.egress or ip.shared)]
    egress = [_egress_document(ip) for ip in app.ips if ip.egress]
    return {
        "ipAddress": ip_address,
        "ipAddresses": lambda _, first=None, **__: connection(own, first),
        "sharedIpAddress": next((ip.ip for ip in app.ips if ip.shared), None),
        "egressIpAddresses": lambda _, first=None, **__: connection(egress, first),
    }


def ip_document(app: App, ip: IpAssignment) -> Json:
    organization = {"id": Organization(app.organization).id, "slug": app.organization}
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
