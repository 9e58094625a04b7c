"""The local Fly's one user (docs/fly-api.md 5.1)."""

from typing import Final

from localfly.accounts.user import USER
from localfly.graphql.resolvers import ResolverMap, attribute, constant

RESOLVERS: Final[ResolverMap] = {
    "Queries": {"viewer": constant(USER), "currentUser": constant(USER)},
    "User": {
        "internalNumericId": constant(1),
        "username": attribute("name"),
        "enablePaidHobby": constant(False),
        "featureFlags": constant([]),
        "agreedToProviderTos": constant(True),
    },
}
