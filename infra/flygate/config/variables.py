"""Names of environment variables that a stack may set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_variables(key: str, values: Mapping[str, str]) -> None:
    """Check that names and values can be environment variables of a machine.

    Raises:
        ValueError: a name is no variable's, or is reserved; a value has a NUL. It is not quoted.
    """
    for name, value in values.items():
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"{key}.{name}: not a name of an environment variable")
        if name.startswith(("FLY_", "FLYGATE_")):
            raise ValueError(f"{key}.{name}: names that begin with FLY_ or FLYGATE_ are reserved")
        if "\0" in value:
            raise ValueError(
                f"{key}.{name} has a NUL in it, where the system ends a variable: remove it"
            )
