"""What the resolvers of one request work on."""

from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo

from localfly.apps.app import App
from localfly.cloud import Cloud
from localfly.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Context:
    """The cloud as one request sees it."""

    cloud: Cloud
    proxy_url: str

    def app(self, name: str) -> App:
        """Return the app; Fly's GraphQL takes and gives the name as its id.

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


Info = GraphQLResolveInfo[Context]
Json = dict[str, Any]
