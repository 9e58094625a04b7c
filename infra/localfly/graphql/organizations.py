"""The viewer and the organizations (docs/fly-api.md 5.1). Any slug is an organization here."""

from localfly.graphql import addons, apps
from localfly.graphql.world import Info, Json, World, connection
from localfly.organization import Organization
from localfly.user import USER


def queries(world: World) -> Json:
    def organization(_: Info, **which: str) -> Json:
        slug = which.get("slug") or which.get("name") or "personal"
        found = Organization.of_id(which["id"]) if which.get("id") else Organization(slug)
        return organization_document(world, found)

    def organizations(_: Info, **__: object) -> Json:
        found = (Organization(slug) for slug in world.cloud.organizations())
        return connection(organization_document(world, one) for one in found)

    return {
        "organization": organization,
        "organizations": organizations,
        "personalOrganization": lambda _: organization_document(world, Organization("personal")),
        "viewer": {"__typename": "User", **user_document()},
        "currentUser": user_document(),
    }


def organization_document(world: World, organization: Organization) -> Json:
    return {
        "id": organization.id,
        "internalNumericId": str(organization.number),
        "slug": organization.slug,
        "rawSlug": organization.slug,
        "name": organization.name,
        "type": "PERSONAL" if organization.is_personal else "SHARED",
        "paidPlan": True,
        "billable": True,
        "billingStatus": "CURRENT",
        "creditBalance": 0,
        "provisionsBetaExtensions": False,
        "remoteBuilderImage": "",
        "viewerRole": "admin",
        "agreedToProviderTos": lambda _, **__: True,
        "limitedAccessTokens": lambda _, **__: connection([]),
        "apps": lambda _, **page: apps.app_connection(world, organization.slug, **page),
        "addOns": lambda _, **page: addons.addon_connection(world, organization.slug, **page),
    }


def user_document() -> Json:
    return {
        "id": USER.id,
        "internalNumericId": 1,
        "email": USER.email,
        "name": USER.name,
        "username": USER.name,
        "enablePaidHobby": False,
        "featureFlags": [],
        "agreedToProviderTos": lambda _, **__: True,
    }
