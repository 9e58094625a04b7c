"""Process groups: which a file has, which of them leads, and what of the file concerns each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from flygate.flytoml.lines import Path
from flygate.flytoml.notices import Notices
from flygate.flytoml.schema import Schema
from flygate.flytoml.table import Table

APP: Final = "app"
# Machines are named after them, and the DNS of Fly names them.
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38}[A-Za-z0-9])?")
_RESERVED: Final = "fly_app_"
_LISTS: Final = ("services", "files", "metrics", "mounts", "restart", "vm")
# One that names no groups is for all of them.
_GLOBAL: Final = ("files", "vm")


def check(schema: Schema, table: Table, notices: Notices) -> None:
    """Refuse a group that can't be, and a section for one that does not exist."""
    found = names(schema)
    for name in schema.processes:
        if not _NAME.fullmatch(name) or name.startswith(_RESERVED):
            notices.refuse(
                table.line_at(("processes", name)),
                f'processes."{name}" can\'t name machines. Take up to 40 letters, digits, dashes '
                f"and underscores, and do not begin with {_RESERVED}, which is flyctl's.",
            )
    for path, named in _sections(schema):
        for wrong in sorted({*named} - {*found}):
            notices.refuse(
                table.line_at((*path, "processes")),
                f"{_title(path)} is for the process group {wrong}, and there is none. "
                f"Name {' or '.join(found)}, or add {wrong} to [processes].",
            )
        if schema.processes and not named and path[0] in {"http_service", "services"}:
            notices.refuse(
                table.line_at(path),
                f"{_title(path)} names no process group, and there is {', '.join(found)}; flyctl "
                f'refuses that, too. Add processes = ["{found[0]}"].',
            )
    _check_mounts(schema, table, notices)


def names(schema: Schema) -> list[str]:
    """Return the names of all groups, in alphabetical order as flyctl has them."""
    return sorted(schema.processes) or [APP]


def leading(schema: Schema) -> str:
    """Return the group that serves: of the first HTTP service, of any service, or flyctl's default.

    A public service that names several groups leads to the first of them.
    """
    default = _default(schema)
    if schema.http_service:
        return next(iter(schema.http_service.processes), default)
    http = [one for one in schema.services if any("http" in port.handlers for port in one.ports)]
    for service in (*http, *schema.services):
        return next(iter(service.processes), default)
    return default


def of(schema: Schema, group: str) -> tuple[Schema, Mapping[str, tuple[int, ...]]]:
    """Return what concerns a group, with one size: the last that names it, else the first.

    Returns:
        The values, and for each section that is a list the places of what is left in the file.
    """
    default = _default(schema)
    kept: dict[str, Any] = {}
    places: dict[str, tuple[int, ...]] = {}
    for name in _LISTS:
        is_global = name in _GLOBAL
        found = [
            (index, one)
            for index, one in enumerate(getattr(schema, name))
            if _concerns(one.processes, group, default) or (is_global and not one.processes)
        ]
        if name == "vm":
            named = [pair for pair in found if pair[1].processes]
            found = named[-1:] or found[:1]
        kept[name] = [one for _, one in found]
        places[name] = tuple(index for index, _ in found)
    kept["checks"] = {
        name: one for name, one in schema.checks.items() if _concerns(one.processes, group, default)
    }
    http = schema.http_service
    kept["http_service"] = http if http and _concerns(http.processes, group, default) else None
    return schema.model_copy(update=kept), places


def _default(schema: Schema) -> str:
    """Return the group that sections belong to which name none."""
    found = names(schema)
    return APP if APP in found else found[0]


def _concerns(named: Iterable[str], group: str, default: str) -> bool:
    return group in (list(named) or [default])


def _check_mounts(schema: Schema, table: Table, notices: Notices) -> None:
    """A machine has one volume."""
    default = _default(schema)
    for group in names(schema):
        found = [
            index
            for index, mount in enumerate(schema.mounts)
            if _concerns(mount.processes, group, default)
        ]
        for index in found[1:]:
            notices.refuse(
                table.line_at(("mounts", index)),
                f"{group} has two [[mounts]], and a machine of Fly's has one volume. Keep one, and "
                "link the other folder into it.",
            )


def _sections(schema: Schema) -> Iterator[tuple[Path, list[str]]]:
    """Yield each section that may name groups, with the names."""
    if schema.http_service:
        yield ("http_service",), schema.http_service.processes
    for name in _LISTS:
        for index, one in enumerate(getattr(schema, name)):
            yield (name, index), one.processes
    for check_name, found in schema.checks.items():
        yield ("checks", check_name), found.processes


def _title(path: Path) -> str:
    name = path[0]
    if name == "checks":
        return f"[checks.{path[1]}]"
    return f"[{name}]" if len(path) == 1 else f"[[{name}]]"
