"""The environment of the process: variables, read once and checked. Nothing else reads it."""

from __future__ import annotations

from collections.abc import Mapping

from flygate_limiter import Networks, PolicyError
from flygate_wire.settings import SCHEMA, Choice, Whole, text_of
from flygate_wire.variables import Variable


class SettingError(ValueError):
    """A variable has a value that is not allowed."""

    def __init__(self, variable: str, found: str, allowed: str) -> None:
        """Say which variable, what was found, and what is allowed."""
        super().__init__(f"{variable}: found {found!r}; allowed: {allowed}")
        self.variable = variable


class Environment:
    """Reads variables by the schema; an empty one counts as not set.

    Each method raises SettingError for a value that is not allowed.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        """Read from `values`."""
        self._values = values

    def text(self, variable: Variable) -> str | None:
        """Return the value without blanks around it; None if it is not set."""
        return text_of(self._values, variable)

    def whole(self, variable: Variable, most: int | None = None) -> int:
        """Return a whole number.

        Args:
            most: a smaller bound than the schema's.
        """
        kind = SCHEMA[variable]
        assert isinstance(kind, Whole)  # noqa: S101  by the table
        if most is not None:
            kind = Whole(kind.default, kind.least, most)
        found = self.text(variable)
        if found is None:
            return kind.default
        if not kind.takes(found):
            raise SettingError(variable, found, kind.allowed)
        return int(found)

    def choice(self, variable: Variable) -> str:
        """Return one of the allowed words."""
        kind = SCHEMA[variable]
        assert isinstance(kind, Choice)  # noqa: S101  by the table
        found = self.text(variable)
        if found is None:
            return kind.words[0]
        if not kind.takes(found):
            raise SettingError(variable, found, kind.allowed)
        return found

    def networks(self, variable: Variable) -> Networks:
        """Return a list of networks."""
        found = self.text(variable) or ""
        try:
            networks = (text for text in found.split(",") if text.strip())
            return Networks(networks, as_written=True)
        except PolicyError as exc:
            raise SettingError(variable, found, SCHEMA[variable].allowed) from exc
