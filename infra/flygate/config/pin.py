"""`Pin`: a stack stays on an earlier release."""

from __future__ import annotations

import re
from typing import Final

from pydantic import field_validator

from flygate.config.section import Section

_VERSION: Final = re.compile(r"v[1-9]\d*")


class Pin(Section):
    """The stack runs an earlier release and not the checkout, until `flygate forward` ends the pin.

    Attributes:
        version: the release whose manifest runs, as `v7`.
        manifest: that manifest's id, by which the ledger finds it.
        by, at, reason: who pinned it, when (RFC 3339) and why.
        fast: if its machines are gone, all new ones come at once, with few gates.
        release_command: the release command of its manifest runs again.
        redis: it keeps its limits in Redis, which must exist.
    """

    version: str
    manifest: str
    by: str = ""
    at: str = ""
    reason: str = ""
    fast: bool = False
    release_command: bool = False
    redis: bool = False

    @field_validator("version")
    @classmethod
    def _is_version(cls, value: str) -> str:
        if not _VERSION.fullmatch(value):
            raise ValueError("must be a release such as v7; `flygate history` lists them")
        return value
