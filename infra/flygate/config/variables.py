"""Names of environment variables that a stack may set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_variable_names(key: str, names: Mapping[str, object]) -> None:
    """Check that the names can be environment variables of a machine.

    Raises:
        ValueError: one is no variable name, or is reserved.
    """
    for name in names:
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"{key}.{name}: not a name of an environment variable")
        if name.startswith(("FLY_", "FLYGATE_")):
            raise ValueError(f"{key}.{name}: names that begin with FLY_ or FLYGATE_ are reserved")
