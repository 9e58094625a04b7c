"""Errors of the schema in words: the key, its value, and what it must be."""

from __future__ import annotations

import difflib
import json
import types
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError

from flygate.flytoml.lines import Path
from flygate.flytoml.notices import Notices
from flygate.flytoml.schema_model import names
from flygate.flytoml.table import Table
from flygate.redaction.redact import cut

_MUST: Final = {
    "string_type": "must be a text, in quotes",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "list_type": "must be a list",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt:g}",
    "less_than_equal": "must be at most {le}",
    "value_error": "{error}",
}
_FOUND_MAX: Final = 60
_SECRETIVE: Final = frozenset({"env", "headers", "raw_value"})
# Below this similarity a key is not a misspelt one.
_ALIKE: Final = 0.6


def explain(error: ValidationError, schema: type[BaseModel], file: Table, notices: Notices) -> None:
    """Refuse each wrong value, on its line."""
    for one in error.errors():
        path = one["loc"]
        notices.refuse(file.line_at(path), _sentence(dict(one), path, schema, file))


def dotted(path: Path) -> str:
    """Write a path as `services[0].ports[1].port`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def nearest(wrong: str, known: list[str]) -> str:
    """Suggest the key that was meant; else list the known ones."""
    close = difflib.get_close_matches(wrong.casefold(), known, n=1, cutoff=_ALIKE)
    if close:
        return f"Did you mean {close[0]}?"
    return f"There are {', '.join(sorted(known))}." if known else "Remove it."


def _sentence(error: dict[str, Any], path: Path, schema: type[BaseModel], file: Table) -> str:
    kind, name = error["type"], dotted(path)
    if kind == "extra_forbidden":
        around = dotted(path[:-1]) or "fly.toml"
        return f"{path[-1]} is no key of {around}. {nearest(str(path[-1]), _keys(schema, path))}"
    if kind == "missing":
        return f"{name} is missing; {dotted(path[:-1])} needs it."
    if kind == "list_type" and len(path) == 1:
        return f"{name} must be a list of tables: write [[{name}]]."
    return f"{name or 'the file'} {_must(error)}{_found(path, file)}."


def _must(error: Mapping[str, Any]) -> str:
    kind, context = error["type"], error.get("ctx") or {}
    if kind == "literal_error":
        return f"must be {context['expected']}".replace("'", '"')
    sentence = _MUST.get(kind, "is wrong: {msg}")
    return sentence.format(msg=error["msg"], **context)


def _found(path: Path, file: Table) -> str:
    """Quote the value, unless it may be secret."""
    if not path or not _SECRETIVE.isdisjoint(path):
        return ""
    text = json.dumps(_at(file, path), default=str, ensure_ascii=False)
    # Some ends of lines are no controls to JSON: NEL, LS, PS.
    line = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
    return f", found {cut(line, _FOUND_MAX)}"


def _at(file: Table, path: Path) -> Any:
    found: Any = file
    for part in path:
        found = found[found.spelled(str(part)) if isinstance(found, Table) else part]
    return found


def _keys(schema: type[BaseModel], path: Path) -> list[str]:
    """Return the keys that are known where the path ends."""
    found: Any = schema
    for part in path[:-1]:
        if isinstance(found, type) and issubclass(found, BaseModel):
            fields = {field.alias or name: field for name, field in found.model_fields.items()}
            found = fields[str(part)].annotation if str(part) in fields else None
        else:
            found = (get_args(found) or (None,))[-1]
        found = next(_parts(found), found)
    return names(found) if isinstance(found, type) and issubclass(found, BaseModel) else []


def _parts(annotation: Any) -> Iterator[type[BaseModel]]:
    """The table within `X | None`."""
    if get_origin(annotation) is types.UnionType:
        for one in get_args(annotation):
            if isinstance(one, type) and issubclass(one, BaseModel):
                yield one
