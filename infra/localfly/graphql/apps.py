"""Apps with what hangs on them (docs/fly-api.md 5.1, 5.2)."""

from collections.abc import Iterable
from typing import Any

from localfly.app import App
from localfly.graphql import addons, images, ips, machines, organizations, releases
from localfly.graphql.world import Info, Json, World, connection
from localfly.organization import Organization
from localfly.secrets import Secret
from localfly.times import rfc3339


def queries(world: World) -> Json:
    def app(_: Info, **which: str) -> Json:
        name = which.get("name") or which.get("id") or which.get("internalId") or ""
        return app_document(world, world.app(name))

    def apps(_: Info, **asked: Any) -> Json:
        organization = asked.get("organizationId")
        slug = Organization.of_id(organization).slug if organization else None
        return app_connection(world, slug, asked.get("first"))

    def is_free(_: Info, name: str) -> bool:
        return name not in {app.name for app in world.cloud.apps.list()}

    def can_bluegreen(_: Info, name: str) -> bool:
        return not world.cloud.volumes.of(world.app(name).name)

    return {
        "app": app,
        "apps": apps,
        "appNameAvailable": is_free,
        "canPerformBluegreenDeployment": can_bluegreen,
    }


def mutations(world: World) -> Json:
    def create_app(_: Info, input: Json) -> Json:  # noqa: A002 (the argument's name)
        slug = Organization.of_id(input["organizationId"]).slug
        app = world.cloud.apps.create(
            input.get("name") or "", slug, input.get("network") or "", None
        )
        return {"app": app_document(world, app)}

    async def delete_app(_: Info, appId: str) -> Json:  # noqa: N803 (the argument's name)
        app = world.app(appId)
        await world.cloud.delete_app(app)
        organization = Organization(app.organization)
        return {"organization": organizations.organization_document(world, organization)}

    return {"createApp": create_app, "deleteApp": delete_app}


def app_connection(
    world: World, organization: str | None, first: int | None = None, **_: Any
) -> Json:
    found = world.cloud.apps.list(organization)
    return connection((app_document(world, app) for app in found), first)


def app_document(world: World, app: App) -> Json:
    url, cloud = world.url_of(app), world.cloud
    return {
        "id": app.name,
        "internalId": str(app.number),
        "internalNumericId": app.number,
        "name": app.name,
        "hostname": url.partition("//")[2],
        "appUrl": url,
        "cnameTarget": url.partition("//")[2],
        "deployed": app.has_been_deployed,
        "status": app.status,
        "state": app.status.upper(),
        "network": app.network,
        "networkId": app.number,
        "platformVersion": "machines",
        "runtime": "FIRECRACKER",
        "createdAt": rfc3339(app.created_at),
        "organization": lambda _: organizations.organization_document(
            world, Organization(app.organization)
        ),
        "role": {"__typename": "EmptyAppRole", "name": ""},
        "regions": [],
        "services": [],
        "hostIssues": lambda _, **__: connection([]),
        "limitedAccessTokens": lambda _, **__: connection([]),
        "secrets": lambda _: _secrets(cloud.secrets.of(app.name).secrets.values()),
        **_machines(world, app),
        **ips.fields(app),
        **releases.fields(world, app),
        **images.fields(world, app),
        "addOns": lambda _, **page: addons.addon_connection(world, app.organization, **page),
    }


def _machines(world: World, app: App) -> Json:
    fleet = world.cloud.fleet

    def listed(_: Info, first: int | None = None, **__: Any) -> Json:
        return connection(
            (machines.machine_document(world, m) for m in fleet.list(app.name)), first
        )

    def machine(_: Info, id: str) -> Json:  # noqa: A002 (the argument's name)
        return machines.machine_document(world, fleet.get(app.name, id))

    return {"machines": listed, "machine": machine}


def _secrets(found: Iterable[Secret]) -> list[Json]:
    return [
        {
            "id": secret.name,
            "name": secret.name,
            "digest": secret.digest,
            "createdAt": rfc3339(secret.created_at),
            "user": organizations.user_document(),
        }
        for secret in found
    ]
