"""`by_digest`: which image a machine runs, by the digest that Fly found under its tag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def by_digest(document: Mapping[str, Any]) -> str:
    """Return the image's reference; with a tag where Fly does not say the digest.

    flyctl names images by tag, and another image can have that later.

    Args:
        document: a machine as the API shows it.
    """
    named = str((document.get("config") or {}).get("image", ""))
    digest = str((document.get("image_ref") or {}).get("digest", ""))
    if not digest or "@" in named:
        return named
    host, slash, rest = named.rpartition("/")
    return f"{host}{slash}{rest.partition(':')[0]}@{digest}"
