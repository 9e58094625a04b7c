"""What the resolvers work on, and the forms that their answers share."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo

from localfly.app import App
from localfly.cloud import Cloud
from localfly.errors import NotFoundError

Json = dict[str, Any]
Info = GraphQLResolveInfo[Any]


@dataclass(frozen=True, slots=True)
class World:
    """The cloud as one request sees it. A document of a schema's type is a map by field name; a
    field that is costly, or has arguments, is a function of `(info, **arguments)`.
    """

    cloud: Cloud
    proxy_url: str

    def app(self, name: str) -> App:
        """The app; Fly's GraphQL takes and gives the name as its id.

        Raises:
            GraphQLError: there is none, in the words that flyctl knows.
        """
        try:
            return self.cloud.apps.get(name)
        except NotFoundError as exc:
            text = "Could not find App"
            raise GraphQLError(text, extensions={"code": "NOT_FOUND"}) from exc

    def url_of(self, app: App) -> str:
        return self.proxy_url.replace("127.0.0.1", f"{app.name}.localhost")


def connection(nodes: Iterable[Json], first: int | None = None) -> Json:
    """A list as GraphQL's connections give it. All of it on one page, unless `first` cuts it."""
    found = list(nodes)
    shown = found if first is None else found[:first]
    page = {"hasNextPage": len(shown) < len(found), "hasPreviousPage": False}
    return {"nodes": shown, "totalCount": len(found), "pageInfo": page}
