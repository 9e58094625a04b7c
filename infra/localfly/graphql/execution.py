"""Parses, validates and executes one GraphQL document (docs/fly-api.md 5)."""

from collections.abc import Mapping
from typing import Any, Final

from graphql import GraphQLError, GraphQLFormattedError, graphql

from localfly.errors import FlyError
from localfly.graphql.context import Context, Json
from localfly.graphql.resolvers import resolve_by_name
from localfly.graphql.schema import executable_schema

_CODES: Final = {400: "BAD_REQUEST", 403: "FORBIDDEN", 404: "NOT_FOUND", 422: "UNPROCESSABLE"}


async def execute(
    context: Context,
    query: str,
    variables: Mapping[str, Any] | None = None,
    operation: str | None = None,
) -> Json:
    """Return the answer's document, with the errors in it."""
    result = await graphql(
        executable_schema(),
        query,
        context_value=context,
        variable_values=dict(variables or {}),
        operation_name=operation,
        field_resolver=resolve_by_name,
    )
    answer: Json = {"data": result.data}
    if result.errors:
        answer["errors"] = [_formatted(error) for error in result.errors]
    return answer


def _formatted(error: GraphQLError) -> GraphQLFormattedError:
    """Add the code that says what kind of failure it is."""
    cause = error.original_error
    if isinstance(cause, FlyError) and cause.http_status in _CODES:
        return {**error.formatted, "extensions": {"code": _CODES[cause.http_status]}}
    return error.formatted
