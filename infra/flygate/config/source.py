"""The folders of a checkout that make the image."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

# What `python -m flygate_service` needs of this checkout.
SERVICE: Final = ("service", "wire")


def completed(source: Iterable[str]) -> tuple[str, ...]:
    """Return the folders, with `wire` where `service` is named alone, as in older stack files."""
    folders = tuple(source)
    named = {part for folder in folders for part in PurePosixPath(folder).parts[:1]}
    missing = "service" in named and not named & {"wire", "."}
    return (*folders, "wire") if missing else folders
