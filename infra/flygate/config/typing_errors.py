"""Names of variables that are nearly a setting of the service: typing errors."""

from __future__ import annotations

import difflib
from typing import Final

from flygate_wire.variables import SETTINGS

# Only the service has variables with this beginning; an application may have one that is like any
# other setting.
_PREFIX: Final = "RATE_LIMIT_"
# One letter more, less or other; two where the name is long.
_ALIKE: Final = 0.92


def meant(name: str) -> str:
    """Return the setting that a name was meant to be; empty if it may be another's variable."""
    if name in SETTINGS:
        return ""
    cutoff = 0.0 if name.startswith(_PREFIX) else _ALIKE
    return next(iter(difflib.get_close_matches(name, SETTINGS, n=1, cutoff=cutoff)), "")
