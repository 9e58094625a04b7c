"""`POST /graphql` (docs/fly-api.md 5)."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from localfly.api.dependencies import CloudDep, Json
from localfly.graphql.context import Context
from localfly.graphql.execution import execute

router = APIRouter(tags=["graphql"])


class GraphqlRequest(BaseModel):
    query: str
    variables: dict[str, Any] | None = None
    operationName: str | None = None  # noqa: N815 (the protocol's name)


@router.post("/graphql")
async def post_document(request: Request, cloud: CloudDep, body: GraphqlRequest) -> Json:
    context = Context(cloud, request.app.state.proxy_url)
    return await execute(context, body.query, body.variables, body.operationName or None)
