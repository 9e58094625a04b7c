"""Resolvers by type and field. What has none is an attribute of the object, in snake case, or a
key of the document.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final

from graphql import GraphQLObjectType, GraphQLSchema

from localfly.graphql.context import Info

Resolver = Callable[..., Any]  # of an object, `Info`, and the field's arguments by their names
ResolverMap = Mapping[str, Mapping[str, Resolver]]  # by type, then by field

_WORD_START: Final = re.compile(r"(?=[A-Z])")


def constant(value: object) -> Resolver:
    """Return a resolver of a field that is the same for every object."""
    return lambda _, __, **___: value


def attribute(name: str) -> Resolver:
    """Return a resolver of a field that the object has under another name."""
    return lambda source, _: getattr(source, name)


def resolve_by_name(source: object, info: Info, **_: object) -> object:
    """Resolve a field without a resolver; None where the object has nothing of that name."""
    if isinstance(source, Mapping):
        return source.get(info.field_name)
    return getattr(source, _snake_case(info.field_name), None)


def bind(schema: GraphQLSchema, maps: Iterable[ResolverMap]) -> None:
    """Give the schema's fields their resolvers.

    Raises:
        ValueError: the schema has no such field, or two maps claim it.
    """
    for resolvers in maps:
        for type_name, fields in resolvers.items():
            for name, resolver in fields.items():
                _bind(schema, type_name, name, resolver)


def _bind(schema: GraphQLSchema, type_name: str, name: str, resolver: Resolver) -> None:
    found = schema.get_type(type_name)
    field = found.fields.get(name) if isinstance(found, GraphQLObjectType) else None
    if field is None:
        raise ValueError(f"the schema has no field {type_name}.{name}")
    if field.resolve is not None:
        raise ValueError(f"two resolvers for {type_name}.{name}")
    field.resolve = resolver


@cache
def _snake_case(name: str) -> str:
    return _WORD_START.sub("_", name).lower()
