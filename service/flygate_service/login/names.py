"""One spelling for each account, so that no spelling is one more try."""

import unicodedata
from typing import Final

_LONGEST: Final = 254


def account_name(text: str) -> str | None:
    """Return the canonical form of a submitted name; None if no account can have it."""
    name = unicodedata.normalize("NFKC", text).strip().casefold()
    name = unicodedata.normalize("NFKC", name)
    return name if name and len(name) <= _LONGEST else None
