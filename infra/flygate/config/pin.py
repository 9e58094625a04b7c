"""`Pin`: an earlier release runs, whatever the checkout says."""

from __future__ import annotations

import re

from pydantic import field_validator

from flygate.config.section import Section

_VERSION = re.compile(r"v[1-9]\d*")


class Pin(Section):
    """The stack runs an earlier release, whatever the checkout says. `flygate forward` ends it.

    Attributes:
        version: the release whose manifest runs, as `v7`.
        manifest: that manifest's id, by which the ledger finds it for ever.
        by, at, reason: who pinned it, when (RFC 3339) and why.
        fast: where its machines have gone, all new ones come at once and are hardly judged.
        redis: it keeps its limits in Redis, which must be there.
    """

    version: str
    manifest: str
    by: str = ""
    at: str = ""
    reason: str = ""
    fast: bool = False
    redis: bool = False

    @field_validator("version")
    @classmethod
    def _is_version(cls, value: str) -> str:
        if not _VERSION.fullmatch(value):
            raise ValueError("must be a release such as v7; `flygate history` lists them")
        return value
