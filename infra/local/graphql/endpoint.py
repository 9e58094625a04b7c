"""`POST /graphql`: parses, validates and executes one document (FLY.md 5)."""

from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request
from graphql import GraphQLSchema, build_schema, graphql
from pydantic import BaseModel

from infra.local.api.deps import CloudDep, Json
from infra.local.graphql.queries import Queries

router = APIRouter(tags=["graphql"])


class GraphqlRequest(BaseModel):
    query: str
    variables: dict[str, Any] | None = None
    operationName: str | None = None  # noqa: N815 (the protocol's name)


@router.post("/graphql")
async def execute(request: Request, cloud: CloudDep, body: GraphqlRequest) -> Json:
    result = await graphql(
        _schema(),
        body.query,
        root_value=Queries(cloud, request.app.state.proxy_url),
        variable_values=body.variables,
        operation_name=body.operationName or None,
    )
    answer: Json = {"data": result.data}
    if result.errors:
        answer["errors"] = [error.formatted for error in result.errors]
    return answer


@cache
def _schema() -> GraphQLSchema:
    return build_schema(files(__package__).joinpath("schema.graphql").read_text())
