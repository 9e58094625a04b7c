"""`FlyToml`: a file that was read, checked and accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
        values: its values for one process group.
        group: the name of that group, as in the machines' metadata.
        whole: its values for all of them.
        table: the values as they were read, for the lines.
        notes: what the operator should know of it.
        folder: where local files are looked for.
        places: a section that is a list → where in the file what concerns the group stands.
    """

    values: Schema
    group: str
    table: Table
    whole: Schema
    notes: tuple[Notice, ...] = ()
    folder: Path = Path()
    places: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> FlyToml:
        """Read a file, for its leading process group.

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
        if schema:
            groups.check(schema, renewed, notices)
        notices.check()
        assert schema is not None  # noqa: S101  it was refused otherwise
        notes = tuple(dict.fromkeys(notices.notes))
        leading = groups.leading(schema)
        found, places = groups.of(schema, leading)
        return cls(found, leading, renewed, schema, notes, folder, places)

    @property
    def groups(self) -> tuple[FlyToml, ...]:
        """The file for each of its process groups: the leading one, then by name."""
        leading = groups.leading(self.whole)
        others = (name for name in groups.names(self.whole) if name != leading)
        return tuple(map(self._for, (leading, *others)))

    @property
    def undivided(self) -> FlyToml:
        """The file with all that it says of whatever group."""
        places = {name: tuple(range(len(getattr(self.whole, name)))) for name in self.places}
        return replace(self, values=self.whole, places=places)

    def _for(self, group: str) -> FlyToml:
        values, places = groups.of(self.whole, group)
        return replace(self, values=values, group=group, places=places)

    def line(self, *path: str | int) -> int | None:
        """Return the line of a key."""
        return self.table.line_at(path)

    def service_path(self, index: int) -> tuple[str | int, ...]:
        """Return the path of a service of the machine config in the file."""
        if self.values.http_service:
            return ("http_service",) if index == 0 else self.item_path("services", index - 1)
        return self.item_path("services", index)

    def item_path(self, section: str, index: int) -> tuple[str | int, ...]:
        """Return the path in the file of an item of `values`, of a section that is a list."""
        return (section, self.places[section][index])


def _schema(table: Table, notices: Notices) -> Schema | None:
    try:
        return Schema.model_validate(table)
    except ValidationError as exc:
        schema_errors.explain(exc, Schema, table, notices)
        return None
