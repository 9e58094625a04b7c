"""The objects of the local Fly as GraphQL gives them: plain maps by field name."""

from typing import Any

from infra.local.app import App, IpAssignment
from infra.local.regions import Region
from infra.local.times import rfc3339

Json = dict[str, Any]


def app_document(app: App, url: str) -> Json:
    return {
        "id": app.name,  # Fly's GraphQL takes and gives the name as the id
        "internalNumericId": app.number,
        "name": app.name,
        "hostname": url.partition("//")[2],
        "appUrl": url,
        "deployed": app.has_been_deployed,
        "status": app.status,
        "network": app.network,
        "platformVersion": "machines",
        "organization": organization_document(app.organization),
        "ipAddresses": {"nodes": [_ip(ip) for ip in app.ips if not (ip.egress or ip.shared)]},
        "sharedIpAddress": next((ip.ip for ip in app.ips if ip.shared), None),
        "egressIpAddresses": {"nodes": [_egress_ip(ip) for ip in app.ips if ip.egress]},
        "createdAt": rfc3339(app.created_at),
    }


def organization_document(slug: str) -> Json:
    is_personal = slug == "personal"
    return {
        "id": f"org-{slug}",
        "internalNumericId": "1",
        "slug": slug,
        "rawSlug": slug,
        "name": "Personal" if is_personal else slug,
        "type": "PERSONAL" if is_personal else "SHARED",
        "paidPlan": False,
        "billable": True,
        "viewerRole": "admin",
    }


def region_document(region: Region) -> Json:
    return {
        "code": region.code,
        "name": region.name,
        "latitude": region.latitude,
        "longitude": region.longitude,
        "gatewayAvailable": True,
        "requiresPaidPlan": False,
        "deprecated": False,
    }


def _ip(ip: IpAssignment) -> Json:
    return {
        "id": f"ip-{ip.ip}",
        "address": ip.ip,
        "type": ip.kind,
        "region": ip.region,
        "createdAt": rfc3339(ip.created_at),
        "serviceName": ip.service_name,
    }


def _egress_ip(ip: IpAssignment) -> Json:
    return {
        "id": f"ip-{ip.ip}",
        "ip": ip.ip,
        "version": 4 if ip.kind == "egress_v4" else 6,
        "region": ip.region,
        "updatedAt": rfc3339(ip.created_at),
    }
