"""Takes secret values out of text before anybody sees it."""

from __future__ import annotations

import json
from collections.abc import Iterable

MASK = "[secret]"
# Shorter values ("1", "on") are part of too many words; masking them would say where they stand.
SHORTEST = 4


class Redactor:
    """Replaces known values, also as they look inside JSON.

    Args:
        values: the secrets; those shorter than four characters are left.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        found: set[str] = set()
        for value in values:
            for line in [value, *value.splitlines()]:
                if len(line.strip()) >= SHORTEST:
                    found |= {line, json.dumps(line)[1:-1]}
        # Longest first: a secret may contain another one.
        self._values = sorted(found, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for value in self._values:
            text = text.replace(value, MASK)
        return text
