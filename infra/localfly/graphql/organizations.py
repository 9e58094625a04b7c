"""Organizations (docs/fly-api.md 5.1). Any slug is an organization here."""

from typing import Final

from localfly.accounts.organization import Organization
from localfly.graphql.connection import connection, empty_connection
from localfly.graphql.context import Info, Json
from localfly.graphql.resolvers import ResolverMap, attribute, constant


def _organization(_: None, __: Info, **which: str) -> Organization:
    if which.get("id"):
        return Organization.of_id(which["id"])
    return Organization(which.get("slug") or which.get("name") or "personal")


def _organizations(_: None, info: Info, **__: object) -> Json:
    return connection(map(Organization, info.context.cloud.organizations()))


def _type(organization: Organization, _: Info) -> str:
    return "PERSONAL" if organization.is_personal else "SHARED"


RESOLVERS: Final[ResolverMap] = {
    "Queries": {
        "organization": _organization,
        "organizations": _organizations,
        "personalOrganization": constant(Organization("personal")),
    },
    "Organization": {
        "internalNumericId": lambda organization, _: str(organization.number),
        "rawSlug": attribute("slug"),
        "type": _type,
        "paidPlan": constant(True),
        "billable": constant(True),
        "billingStatus": constant("CURRENT"),
        "creditBalance": constant(0),
        "provisionsBetaExtensions": constant(False),
        "remoteBuilderImage": constant(""),
        "viewerRole": constant("admin"),
        "agreedToProviderTos": constant(True),
        "limitedAccessTokens": empty_connection,
    },
}
