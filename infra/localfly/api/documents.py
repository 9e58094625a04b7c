"""The objects of the local Fly as the JSON of Fly's API (docs/fly-api.md 2)."""

from dataclasses import asdict
from typing import Any

from localfly.accounts.organization import Organization
from localfly.apps.app import App, IpAssignment
from localfly.apps.secret_store import Secret
from localfly.cloud import Cloud
from localfly.machines.checks.monitor import CheckStatus
from localfly.machines.lifecycle import Lifecycle
from localfly.machines.machine import Event, Lease, Machine
from localfly.timing.timestamp import rfc3339

Json = dict[str, Any]


def app_json(app: App, cloud: Cloud) -> Json:
    return {
        "id": app.id,
        "name": app.name,
        "internal_numeric_id": app.number,
        "status": app.status,
        "network": app.network,
        "machine_count": len(cloud.fleet.list(app.name)),
        "volume_count": len(cloud.volumes.of(app.name)),
        "network_cidr": "",
        "cname_target": f"{app.name}.localhost",
        "app_role": "",
        "organization": organization_json(Organization(app.organization)),
    }


def organization_json(organization: Organization) -> Json:
    name, number = organization.name, organization.number
    return {"name": name, "slug": organization.slug, "internal_numeric_id": number}


def machine_json(lifecycle: Lifecycle, *, summary: bool = False) -> Json:
    machine = lifecycle.machine
    document = {
        "id": machine.id,
        "name": machine.name,
        "state": machine.state,
        "region": machine.region,
        "instance_id": machine.instance_id,
        "version": machine.instance_id,
        "private_ip": machine.address,
        "created_at": rfc3339(machine.created_at),
        "updated_at": rfc3339(machine.updated_at),
        "image_ref": _image_json(machine),
        "checks": [_check_json(check) for check in lifecycle.checks],
        "host_status": "ok",
        "cordoned": machine.cordoned,
    }
    if summary:
        return {**document, "incomplete_config": None}
    events = [event_json(event) for event in machine.events]
    return {**document, "config": machine.config.raw, "events": events}


def lease_json(lease: Lease) -> Json:
    return {"status": "success", "data": asdict(lease)}


def lease_summary_json(lease: Lease) -> Json:
    """Return the lease without its nonce, for a machine's document."""
    expires_at = lease.expires_at
    return {"description": lease.description, "expires_at": expires_at, "owner": lease.owner}


def event_json(event: Event) -> Json:
    document = asdict(event)
    if event.request is None:
        del document["request"]
    return document


def secret_json(secret: Secret) -> Json:
    return {
        "name": secret.name,
        "digest": secret.digest,
        "created_at": rfc3339(secret.created_at),
        "updated_at": rfc3339(secret.updated_at),
    }


def ip_json(ip: IpAssignment) -> Json:
    return {
        "ip": ip.ip,
        "region": ip.region,
        "service_name": ip.service_name,
        "shared": ip.shared,
        "egress": ip.egress,
        "created_at": rfc3339(ip.created_at),
    }


def _image_json(machine: Machine) -> Json:
    image = machine.config.image
    return {
        "registry": image.registry,
        "repository": image.repository,
        "tag": image.tag,
        "digest": image.digest,
        "labels": {},
    }


def _check_json(check: CheckStatus) -> Json:
    return {
        "name": check.name,
        "status": check.status,
        "output": check.output,
        "updated_at": rfc3339(check.updated_at),
    }
