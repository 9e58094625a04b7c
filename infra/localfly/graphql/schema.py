"""The schema with the resolvers of all nouns."""

from functools import cache
from importlib.resources import files
from typing import Final

from graphql import GraphQLInterfaceType, GraphQLSchema, build_schema

from localfly.graphql import (
    addons,
    apps,
    images,
    ips,
    machines,
    organizations,
    regions,
    releases,
    secrets,
    tokens,
    users,
)
from localfly.graphql.resolvers import bind

_NOUNS: Final = (
    *(addons, apps, images, ips, machines, organizations),
    *(regions, releases, secrets, tokens, users),
)


@cache
def executable_schema() -> GraphQLSchema:
    schema = build_schema(files(__package__).joinpath("schema.graphql").read_text())
    bind(schema, [noun.RESOLVERS for noun in _NOUNS])
    principal = schema.type_map["Principal"]
    assert isinstance(principal, GraphQLInterfaceType)  # noqa: S101 (the schema is ours)
    principal.resolve_type = lambda *_: "User"
    return schema
