"""Upstash Redis databases (docs/fly-api.md 5.4)."""

from typing import Any

from localfly.addon import KIND, PAY_AS_YOU_GO, PLANS, AddOn, Plan
from localfly.addons import NewAddOn
from localfly.graphql import apps, organizations
from localfly.graphql.world import Info, Json, World, connection
from localfly.organization import Organization
from localfly.times import rfc3339


def queries(world: World) -> Json:
    def addon(_: Info, **which: str) -> Json:
        identifier = which.get("id") or which.get("name") or ""
        return addon_document(world, world.cloud.addons.get(identifier))

    def plans(_: Info, type: str = KIND, **__: Any) -> Json:  # noqa: A002 (the argument's name)
        return connection(map(plan_document, PLANS.values() if type == KIND else ()))

    return {
        "addOn": addon,
        "addOns": lambda _, **page: addon_connection(world, None, **page),
        "addOnPlans": plans,
        "addOnProvider": lambda _, name: provider_document(name),
    }


def mutations(world: World) -> Json:
    addons = world.cloud.addons

    async def create(_: Info, input: Json) -> Json:  # noqa: A002
        organization = Organization.of_id(input.get("organizationId") or "personal")
        new = NewAddOn(
            name=input.get("name") or "",
            organization=organization.slug,
            plan_id=input.get("planId") or PAY_AS_YOU_GO,
            primary_region=input.get("primaryRegion") or "",
            read_regions=tuple(input.get("readRegions") or ()),
            options=input.get("options"),
            app=input.get("appId") or "",
        )
        return {"addOn": addon_document(world, await addons.create(new))}

    async def update(_: Info, input: Json) -> Json:  # noqa: A002
        record = addons.get(input.get("addOnId") or input.get("name") or "")
        await addons.update(record, _changes(record, input))
        return {"addOn": addon_document(world, record)}

    async def delete(_: Info, input: Json) -> Json:  # noqa: A002
        record = await addons.delete(input.get("addOnId") or input.get("name") or "")
        return {"deletedAddOnName": record.name}

    async def reset_password(_: Info, input: Json) -> Json:  # noqa: A002
        record = addons.get(input["name"])
        await addons.reset_password(record)
        return {"addOn": addon_document(world, record)}

    return {
        "createAddOn": create,
        "updateAddOn": update,
        "deleteAddOn": delete,
        "resetAddOnPassword": reset_password,
    }


def addon_connection(
    world: World,
    organization: str | None,
    type: str = KIND,  # noqa: A002 (the argument's name)
    first: int | None = None,
    **_: Any,
) -> Json:
    found = world.cloud.addons.list(organization) if type == KIND else []
    return connection((addon_document(world, record) for record in found), first)


def addon_document(world: World, record: AddOn) -> Json:
    organization, cloud = Organization(record.organization), world.cloud
    return {
        "id": record.id,
        "name": record.name,
        "status": "ready",
        "primaryRegion": record.primary_region,
        "readRegions": record.read_regions,
        "options": record.options,
        "metadata": record.metadata,
        "environment": {},
        "hostname": record.address,
        "privateIp": record.address,
        "publicUrl": lambda _: cloud.addons.url(record),
        "password": lambda _: cloud.addons.password(record),
        "addOnPlan": plan_document(record.plan),
        "addOnPlanName": record.plan.name,
        "addOnProvider": lambda _: provider_document(KIND),
        "organization": lambda _: organizations.organization_document(world, organization),
        "app": lambda _: apps.app_document(world, world.app(record.app)) if record.app else None,
        "apps": lambda _, **__: connection([]),
        "createdAt": rfc3339(record.created_at),
        "updatedAt": rfc3339(record.updated_at),
    }


def plan_document(plan: Plan) -> Json:
    return {
        "id": plan.id,
        "name": plan.name,
        "displayName": plan.name,
        "description": plan.description,
        "maxDataSize": plan.max_data_size,
        "pricePerMonth": plan.price_cents,
    }


def provider_document(name: str) -> Json:
    """Upstash, as far as flyctl asks before it creates a database."""
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


def _changes(record: AddOn, asked: Json) -> Json:
    """`prodPack` comes beside the options, of which it is one (docs/fly-api.md 5.4)."""
    names = {"planId": "plan_id", "options": "options", "metadata": "metadata"}
    changes = {ours: asked[fly] for fly, ours in names.items() if asked.get(fly) is not None}
    if asked.get("readRegions") is not None:
        changes["read_regions"] = list(asked["readRegions"])
    if asked.get("prodPack") is not None:
        options = changes.get("options", record.options)
        changes["options"] = {**options, "prod_pack": asked["prodPack"]}
    return changes
