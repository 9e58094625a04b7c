"""`POST /graphql`: parses, validates and executes one document (docs/fly-api.md 5)."""

from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request
from graphql import GraphQLError, GraphQLFormattedError, GraphQLSchema, build_schema, graphql
from pydantic import BaseModel

from localfly.api.deps import CloudDep, Json
from localfly.errors import FlyError
from localfly.graphql import (
    addons,
    apps,
    images,
    ips,
    machines,
    organizations,
    regions,
    releases,
    tokens,
)
from localfly.graphql.world import World

router = APIRouter(tags=["graphql"])

_CODES = {400: "BAD_REQUEST", 403: "FORBIDDEN", 404: "NOT_FOUND", 422: "UNPROCESSABLE"}


class GraphqlRequest(BaseModel):
    query: str
    variables: dict[str, Any] | None = None
    operationName: str | None = None  # noqa: N815 (the protocol's name)


@router.post("/graphql")
async def execute(request: Request, cloud: CloudDep, body: GraphqlRequest) -> Json:
    result = await graphql(
        _schema(),
        body.query,
        root_value=_root(World(cloud, request.app.state.proxy_url)),
        variable_values=body.variables,
        operation_name=body.operationName or None,
    )
    answer: Json = {"data": result.data}
    if result.errors:
        answer["errors"] = [_formatted(error) for error in result.errors]
    return answer


@cache
def _schema() -> GraphQLSchema:
    return build_schema(files(__package__).joinpath("schema.graphql").read_text())


def _root(world: World) -> Json:
    """What each field of Queries and Mutations does, one noun after the other."""
    asking = (addons, apps, images, machines, organizations, regions)
    changing = (addons, apps, ips, releases, tokens)
    found: Json = {}
    for noun in asking:
        found |= noun.queries(world)
    for noun in changing:
        found |= noun.mutations(world)
    return found


def _formatted(error: GraphQLError) -> GraphQLFormattedError:
    """With the code that tells clients what kind of failure it is."""
    cause = error.original_error
    if isinstance(cause, FlyError) and cause.http_status in _CODES:
        return {**error.formatted, "extensions": {"code": _CODES[cause.http_status]}}
    return error.formatted
