"""The ids and names that new machines get."""

import secrets
from typing import Final

_ADJECTIVES: Final = (
    "aged",
    "bold",
    "calm",
    "dark",
    "empty",
    "frosty",
    "green",
    "holy",
    "icy",
    "long",
)
_NOUNS: Final = ("bird", "cloud", "dawn", "field", "fire", "lake", "moon", "river", "snow", "tree")


def machine_id() -> str:
    """Return 14 hexadecimal digits, as Fly's."""
    return secrets.token_hex(7)


def machine_name() -> str:
    """Return a name for a machine that was created without one."""
    adjective, noun = secrets.choice(_ADJECTIVES), secrets.choice(_NOUNS)
    return f"{adjective}-{noun}-{secrets.randbelow(10_000):04d}"
