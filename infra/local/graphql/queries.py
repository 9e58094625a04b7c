"""The root fields of the schema."""

from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo

from infra.local.cloud import HOME_REGION, Cloud
from infra.local.errors import NotFoundError
from infra.local.graphql.documents import (
    Json,
    app_document,
    organization_document,
    region_document,
)
from infra.local.regions import REGIONS

Info = GraphQLResolveInfo[Any]


class Queries:
    """The root value: each method answers the field of its name."""

    def __init__(self, cloud: Cloud, proxy_url: str) -> None:
        self._cloud = cloud
        self._proxy_url = proxy_url
        self.platform = {
            "requestRegion": HOME_REGION,
            "regions": [region_document(region) for region in REGIONS],
        }

    def app(self, _: Info, name: str = "", **__: Any) -> Json:
        try:
            app = self._cloud.apps.get(name)
        except NotFoundError as error:
            text = "Could not find App"
            raise GraphQLError(text, extensions={"code": "NOT_FOUND"}) from error
        return app_document(app, self._url(app.name))

    def apps(self, _: Info, **__: Any) -> Json:
        nodes = [app_document(app, self._url(app.name)) for app in self._cloud.apps.list()]
        return {"nodes": nodes, "pageInfo": {"hasNextPage": False, "endCursor": None}}

    def organization(self, _: Info, slug: str = "personal", **__: Any) -> Json:
        return organization_document(slug)

    def organizations(self, _: Info, **__: Any) -> Json:
        slugs = {"personal"} | {app.organization for app in self._cloud.apps.list()}
        return {"nodes": [organization_document(slug) for slug in sorted(slugs)]}

    def viewer(self, _: Info) -> Json:
        email = "operator@localhost"
        return {"__typename": "User", "id": "user-1", "email": email, "enablePaidHobby": False}

    def nearestRegion(self, _: Info) -> Json:  # noqa: N802 (the field's name)
        return region_document(next(r for r in REGIONS if r.code == HOME_REGION))

    def _url(self, app: str) -> str:
        return self._proxy_url.replace("127.0.0.1", f"{app}.localhost")
