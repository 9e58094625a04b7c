"""Process groups: Flygate releases one, so a file may have one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from flygate.flytoml.lines import Path
from flygate.flytoml.notices import Notices
from flygate.flytoml.schema import Schema
from flygate.flytoml.table import Table

APP: Final = "app"
_LISTS: Final = ("services", "files", "metrics", "restart", "vm")


def only(schema: Schema, table: Table, notices: Notices) -> str:
    """Return the name of the file's group; refuse several, and one that does not exist."""
    names = list(schema.processes) or [APP]
    if len(names) > 1:
        notices.refuse(
            table.line_at(("processes",)),
            f"[processes] has the groups {', '.join(sorted(names))}; Flygate releases one group "
            "yet, and would leave the others out. Give each group an app and a fly.toml of its "
            "own, or keep this one with `fly deploy`.",
        )
        return names[0]
    for path, named in _sections(schema):
        for wrong in sorted({*named} - {*names}):
            notices.refuse(
                table.line_at((*path, "processes")),
                f"{_title(path)} is for the process group {wrong}, and there is none. "
                f"Name {names[0]}, or add {wrong} to [processes].",
            )
        if schema.processes and not named and path[0] in {"http_service", "services"}:
            notices.refuse(
                table.line_at(path),
                f"{_title(path)} names no process group, and there is {names[0]}; flyctl refuses "
                f'that, too. Add processes = ["{names[0]}"].',
            )
    return names[0]


def of(schema: Schema, group: str) -> Schema:
    """Return what concerns a group, with one size: the last that names it, else the first."""
    kept: dict[str, Any] = {
        name: [one for one in getattr(schema, name) if _concerns(one.processes, group)]
        for name in _LISTS
    }
    named = [one for one in kept["vm"] if one.processes]
    kept["vm"] = named[-1:] or kept["vm"][:1]
    kept["checks"] = {
        name: one for name, one in schema.checks.items() if _concerns(one.processes, group)
    }
    return schema.model_copy(update=kept)


def _concerns(named: Iterable[str], group: str) -> bool:
    return group in named or not named


def _sections(schema: Schema) -> Iterator[tuple[Path, list[str]]]:
    """Yield each section that may name groups, with the names."""
    if schema.http_service:
        yield ("http_service",), schema.http_service.processes
    for name in _LISTS:
        for index, one in enumerate(getattr(schema, name)):
            yield (name, index), one.processes
    for check, found in schema.checks.items():
        yield ("checks", check), found.processes


def _title(path: Path) -> str:
    name = path[0]
    if name == "checks":
        return f"[checks.{path[1]}]"
    return f"[{name}]" if len(path) == 1 else f"[[{name}]]"
