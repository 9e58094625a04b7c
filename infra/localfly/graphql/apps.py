"""Apps (docs/fly-api.md 5.1, 5.2); what belongs to an app is in the file of its own noun."""

from typing import Any, Final

from localfly.accounts.organization import Organization
from localfly.apps.app import App
from localfly.graphql.connection import connection, empty_connection
from localfly.graphql.context import Info, Json
from localfly.graphql.resolvers import ResolverMap, attribute, constant
from localfly.timing.timestamp import rfc3339


def _app(_: None, info: Info, **which: str) -> App:
    name = which.get("name") or which.get("id") or which.get("internalId") or ""
    return info.context.app(name)


def _apps(_: None, info: Info, first: int | None = None, **requested: Any) -> Json:
    organization = requested.get("organizationId")
    slug = Organization.of_id(organization).slug if organization else None
    return connection(info.context.cloud.apps.list(slug), first)


def _is_name_free(_: None, info: Info, name: str) -> bool:
    return name not in info.context.cloud.apps.names()


def _can_bluegreen(_: None, info: Info, name: str) -> bool:
    return not info.context.cloud.volumes.of(info.context.app(name).name)


def _create(_: None, info: Info, input: Json) -> Json:  # noqa: A002 (the argument's name)
    slug = Organization.of_id(input["organizationId"]).slug
    network = input.get("network") or ""
    return {"app": info.context.cloud.apps.create(input.get("name") or "", slug, network, None)}


async def _delete(_: None, info: Info, appId: str) -> Json:  # noqa: N803 (the argument's name)
    app = info.context.app(appId)
    await info.context.cloud.delete_app(app)
    return {"organization": Organization(app.organization)}


def _of_organization(
    organization: Organization, info: Info, first: int | None = None, **_: Any
) -> Json:
    return connection(info.context.cloud.apps.list(organization.slug), first)


def _url(app: App, info: Info) -> str:
    return info.context.url_of(app)


def _hostname(app: App, info: Info) -> str:
    return info.context.url_of(app).partition("//")[2]


RESOLVERS: Final[ResolverMap] = {
    "Queries": {
        "app": _app,
        "apps": _apps,
        "appNameAvailable": _is_name_free,
        "canPerformBluegreenDeployment": _can_bluegreen,
    },
    "Mutations": {"createApp": _create, "deleteApp": _delete},
    "Organization": {"apps": _of_organization},
    "App": {
        "id": attribute("name"),
        "internalId": lambda app, _: str(app.number),
        "internalNumericId": attribute("number"),
        "hostname": _hostname,
        "appUrl": _url,
        "cnameTarget": _hostname,
        "deployed": attribute("has_been_deployed"),
        "state": lambda app, _: app.status.upper(),
        "networkId": attribute("number"),
        "platformVersion": constant("machines"),
        "runtime": constant("FIRECRACKER"),
        "createdAt": lambda app, _: rfc3339(app.created_at),
        "organization": lambda app, _: Organization(app.organization),
        "role": constant({"__typename": "EmptyAppRole", "name": ""}),
        "regions": constant([]),
        "services": constant([]),
        "hostIssues": empty_connection,
        "limitedAccessTokens": empty_connection,
    },
}
