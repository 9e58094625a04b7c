"""The environment of the process: variables, read once and checked. Nothing else reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeVar

from flygate_limiter import Networks, PolicyError
from flygate_wire.variables import Variable

Choice = TypeVar("Choice", bound=str)

WHOLE: Final = re.compile(r"[0-9]{1,12}")
PORTS: Final = (0, 65_535)
MEBI: Final = 1_048_576


class SettingError(ValueError):
    """A variable has a value that is not allowed."""

    def __init__(self, variable: str, found: str, allowed: str) -> None:
        """Say which variable, what was found, and what is allowed."""
        super().__init__(f"{variable}: found {found!r}; allowed: {allowed}")
        self.variable = variable


class Environment:
    """Reads variables; an empty one counts as not set, as shells and templates write those.

    Each method raises SettingError for a value that is not allowed.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        """Read from `values`."""
        self._values = values

    def text(self, variable: Variable) -> str | None:
        """Return the value without blanks around it; None if it is not set."""
        return self._values.get(variable.value, "").strip() or None

    def whole(self, variable: Variable, default: int, least: int, most: int) -> int:
        """Return a whole number."""
        found = self.text(variable)
        if found is None:
            return default
        if not WHOLE.fullmatch(found) or not least <= int(found) <= most:
            raise SettingError(variable, found, f"a whole number from {least} to {most}")
        return int(found)

    def choice(self, variable: Variable, default: str, allowed: list[Choice]) -> str:
        """Return one of the allowed words."""
        found = self.text(variable)
        if found is None:
            return default
        if found not in allowed:
            raise SettingError(variable, found, ", ".join(allowed))
        return found

    def networks(self, variable: Variable) -> Networks:
        """Return a list of networks."""
        found = self.text(variable) or ""
        try:
            networks = (text for text in found.split(",") if text.strip())
            return Networks(networks, as_written=True)
        except PolicyError as exc:
            allowed = "networks separated by commas, like 10.0.0.0/8,2001:db8::/32"
            raise SettingError(variable, found, allowed) from exc
