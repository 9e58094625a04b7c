"""`FlyToml`: a file that was read, checked and accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flygate.flytoml import groups, legacy_syntax, refusals, schema_errors, toml_reader
from flygate.flytoml.notices import Notice, Notices
from flygate.flytoml.schema import Schema
from flygate.flytoml.table import Table


@dataclass(frozen=True, slots=True)
class FlyToml:
    """A valid file.

    Attributes:
        values: its values for its one process group.
        group: the name of that group, as in the machines' metadata.
        table: the values as they were read, for the lines.
        notes: what the operator should know of it.
        folder: where local files are looked for.
    """

    values: Schema
    group: str
    table: Table
    notes: tuple[Notice, ...] = ()
    folder: Path = Path()

    @classmethod
    def read(cls, path: Path) -> FlyToml:
        """Read a file.

        Raises:
            ConfigError: names every key that is wrong or refused, with its line.
        """
        return cls.of(toml_reader.read(path), path.parent)

    @classmethod
    def of(cls, values: Mapping[str, Any], folder: Path = Path()) -> FlyToml:
        """Check values that were read.

        Raises:
            ConfigError: see `read`.
        """
        notices = Notices()
        table = values if isinstance(values, Table) else toml_reader.of(values)
        renewed = legacy_syntax.renewed(table, notices)
        for where, why in refusals.refused(renewed):
            notices.refuse(
                renewed.line_at(where), f"{schema_errors.dotted(where)} can't be done: {why}"
            )
        schema = _schema(renewed, notices)
        group = groups.only(schema, renewed, notices) if schema else groups.APP
        notices.check()
        assert schema is not None  # noqa: S101  it was refused otherwise
        notes = tuple(dict.fromkeys(notices.notes))
        return cls(groups.of(schema, group), group, renewed, notes, folder)

    def line(self, *path: str | int) -> int | None:
        """Return the line of a key."""
        return self.table.line_at(path)

    def service_path(self, index: int) -> tuple[str | int, ...]:
        """Return the path of a service of the machine config in the file."""
        if self.values.http_service:
            return ("http_service",) if index == 0 else ("services", index - 1)
        return ("services", index)


def _schema(table: Table, notices: Notices) -> Schema | None:
    try:
        return Schema.model_validate(table)
    except ValidationError as exc:
        schema_errors.explain(exc, Schema, table, notices)
        return None
