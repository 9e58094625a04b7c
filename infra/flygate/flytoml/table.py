"""`Table`: what TOML reads as a map, with the line of each of its keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flygate.flytoml.lines import Path, line_of


class Table(dict[str, Any]):
    """A table that knows its lines, also when it is moved.

    Attributes:
        line: where it begins; None if it comes from no file.
        lines: of each key.
    """

    def __init__(
        self,
        values: Mapping[str, Any] | None = None,
        line: int | None = None,
        lines: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(values or {})
        self.line = line
        self.lines = dict(lines or {})

    def with_values(self, values: Mapping[str, Any]) -> Table:
        """Return other values in the same place."""
        return Table(values, self.line, self.lines)

    def line_at(self, path: Path) -> int | None:
        """Return the line of a path, or of the nearest table around it."""
        line = self.line
        found: Any = self
        for part in path:
            if isinstance(found, Table):
                line = found.lines.get(found.spelled(str(part)), line)
                found = found.get(found.spelled(str(part)))
            elif isinstance(found, list) and isinstance(part, int) and part < len(found):
                found = found[part]
                line = (found.line if isinstance(found, Table) else None) or line
            else:
                break
        return line

    def spelled(self, name: str) -> str:
        """Return a key as the file writes it; case does not matter."""
        if name in self.lines or name in self:
            return name
        return next((key for key in self if key.casefold() == name.casefold()), name)


def located(value: Any, lines: Mapping[Path, int], path: Path = ()) -> Any:
    """Return the same value with tables that know their lines."""
    if isinstance(value, Mapping):
        values = {key: located(inner, lines, (*path, key)) for key, inner in value.items()}
        own = {key: line for key in value if (line := line_of(lines, (*path, key)))}
        return Table(values, line_of(lines, path), own)
    if isinstance(value, list):
        return [located(inner, lines, (*path, index)) for index, inner in enumerate(value)]
    return value
