"""The names of the resources in users' states, with their former names.

Pulumi takes a resource that is renamed, retyped or moved for a new one, and deletes the former: so
a change of a name or a type is made here, by adding the former one. Nothing is ever removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pulumi

APP: Final = "app"
REDIS: Final = "redis"
RELEASE: Final = "release"

# Name now → what it was called in earlier versions, or where it stood: `pulumi.Alias`.
FORMER: Final[Mapping[str, Sequence[pulumi.Alias]]] = {
    APP: (),
    f"{APP}-command": (),
    REDIS: (),
    f"{REDIS}-command": (),
    RELEASE: (),
    f"{RELEASE}-command": (),
}


def former_names(name: str) -> list[pulumi.Alias]:
    """Return the aliases of a resource.

    Raises:
        KeyError: it is not listed.
    """
    return list(FORMER[name])
