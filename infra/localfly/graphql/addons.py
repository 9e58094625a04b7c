"""Upstash Redis databases (docs/fly-api.md 5.4)."""

from typing import Any, Final

from localfly.accounts.organization import Organization
from localfly.addons.addon import KIND, PAY_AS_YOU_GO, PLANS, AddOn
from localfly.addons.addon_store import NewAddOn
from localfly.apps.app import App
from localfly.graphql.connection import connection, empty_connection
from localfly.graphql.context import Info, Json
from localfly.graphql.resolvers import ResolverMap, attribute, constant
from localfly.timing.timestamp import rfc3339


def _addon(_: None, info: Info, **which: str) -> AddOn:
    return info.context.cloud.addons.get(which.get("id") or which.get("name") or "")


def _plans(_: None, __: Info, type: str = KIND, **___: Any) -> Json:  # noqa: A002 (the argument's name)
    return connection(PLANS.values() if type == KIND else ())


async def _create(_: None, info: Info, input: Json) -> Json:  # noqa: A002
    new = NewAddOn(
        name=input.get("name") or "",
        organization=Organization.of_id(input.get("organizationId") or "personal").slug,
        plan_id=input.get("planId") or PAY_AS_YOU_GO,
        primary_region=input.get("primaryRegion") or "",
        read_regions=tuple(input.get("readRegions") or ()),
        options=input.get("options"),
        app=input.get("appId") or "",
    )
    return {"addOn": await info.context.cloud.addons.create(new)}


async def _update(_: None, info: Info, input: Json) -> Json:  # noqa: A002
    addons = info.context.cloud.addons
    record = addons.get(input.get("addOnId") or input.get("name") or "")
    await addons.update(record, _changes(record, input))
    return {"addOn": record}


async def _delete(_: None, info: Info, input: Json) -> Json:  # noqa: A002
    identifier = input.get("addOnId") or input.get("name") or ""
    return {"deletedAddOnName": (await info.context.cloud.addons.delete(identifier)).name}


async def _reset_password(_: None, info: Info, input: Json) -> Json:  # noqa: A002
    record = info.context.cloud.addons.get(input["name"])
    await info.context.cloud.addons.reset_password(record)
    return {"addOn": record}


def _changes(record: AddOn, requested: Json) -> Json:
    """Read an update; `prodPack` comes beside the options, but is one (docs/fly-api.md 5.4)."""
    names = {"planId": "plan_id", "options": "options", "metadata": "metadata"}
    changes = {
        ours: requested[fly] for fly, ours in names.items() if requested.get(fly) is not None
    }
    if requested.get("readRegions") is not None:
        changes["read_regions"] = list(requested["readRegions"])
    if requested.get("prodPack") is not None:
        options = changes.get("options", record.options)
        changes["options"] = {**options, "prod_pack": requested["prodPack"]}
    return changes


def _all(_: None, info: Info, **page: Any) -> Json:
    return _listed(info, None, **page)


def _of_organization(organization: Organization, info: Info, **page: Any) -> Json:
    return _listed(info, organization.slug, **page)


def _of_app(app: App, info: Info, **page: Any) -> Json:
    return _listed(info, app.organization, **page)


def _listed(
    info: Info,
    organization: str | None,
    type: str = KIND,  # noqa: A002 (the argument's name)
    first: int | None = None,
    **_: Any,
) -> Json:
    found = info.context.cloud.addons.list(organization) if type == KIND else []
    return connection(found, first)


def _app(record: AddOn, info: Info) -> App | None:
    return info.context.app(record.app) if record.app else None


def _provider(name: str) -> Json:
    """Return Upstash, as far as flyctl asks before it creates a database."""
    no = ("asyncProvisioning", "autoProvision", "beta", "detectPlatform", "internal")
    return {
        **dict.fromkeys(no, False),
        "id": f"provider-{name}",
        "name": name,
        "displayName": "Upstash for Redis" if name == KIND else name,
        "resourceName": "database",
        "selectName": True,
        "selectRegion": True,
        "selectReplicaRegions": True,
        "excludedRegions": [],
        "regions": [],
    }


RESOLVERS: Final[ResolverMap] = {
    "Queries": {
        "addOn": _addon,
        "addOns": _all,
        "addOnPlans": _plans,
        "addOnProvider": lambda _, __, name: _provider(name),
    },
    "Mutations": {
        "createAddOn": _create,
        "updateAddOn": _update,
        "deleteAddOn": _delete,
        "resetAddOnPassword": _reset_password,
    },
    "Organization": {"addOns": _of_organization},
    "App": {"addOns": _of_app},
    "AddOn": {
        "status": constant("ready"),
        "environment": constant({}),
        "hostname": attribute("address"),
        "privateIp": attribute("address"),
        "publicUrl": lambda record, info: info.context.cloud.addons.url(record),
        "password": lambda record, info: info.context.cloud.addons.password(record),
        "addOnPlan": attribute("plan"),
        "addOnPlanName": lambda record, _: record.plan.name,
        "addOnProvider": lambda _, __: _provider(KIND),
        "organization": lambda record, _: Organization(record.organization),
        "app": _app,
        "apps": empty_connection,
        "createdAt": lambda record, _: rfc3339(record.created_at),
        "updatedAt": lambda record, _: rfc3339(record.updated_at),
    },
    "AddOnPlan": {
        "displayName": attribute("name"),
        "pricePerMonth": attribute("price_cents"),
    },
}
