"""Lists as GraphQL's connections give them."""

from collections.abc import Iterable
from typing import Any

from localfly.graphql.context import Json


def connection(nodes: Iterable[Any], first: int | None = None) -> Json:
    """Return all nodes on one page, unless `first` cuts it."""
    found = list(nodes)
    shown = found if first is None else found[:first]
    page = {"hasNextPage": len(shown) < len(found), "hasPreviousPage": False}
    return {"nodes": shown, "totalCount": len(found), "pageInfo": page}


def empty_connection(_: object, __: object, **___: object) -> Json:
    """Resolve a connection of which the local Fly keeps nothing."""
    return connection([])
