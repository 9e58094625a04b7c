"""The releases without anything secret (the stack's `history` output), newest first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from flygate.system.errors import LedgerError


class Entry(BaseModel):
    """One release, without anything secret.

    Attributes:
        rebuilt: of what the entry was made, where the release's own run did not record it.
        content: the public half of its manifest; releases of earlier versions lack it.
        secrets: each secret's name with a number that is the same for the same value.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: str
    manifest: str
    image: str
    phase: int
    at: str
    by: str
    commit: str = ""
    reason: str = ""
    promotion: str = ""
    accepted: str = ""
    rollback_of: str = ""
    rebuilt: str = ""
    verdicts: dict[str, str] = Field(default_factory=dict)
    seconds: float = 0.0
    machines: dict[str, list[str]] = Field(default_factory=dict)
    content: dict[str, Any] | None = Field(default=None, repr=False)
    secrets: dict[str, int] = Field(default_factory=dict)

    @property
    def stores_in_redis(self) -> bool:
        """Whether its limits were kept in Redis."""
        env = (self.content or {}).get("config", {}).get("env", {})
        return bool(env.get("RATE_LIMIT_STORAGE") == "redis")


def parse(output: Any) -> list[Entry]:
    """Parse a stack's `history` output."""
    return [Entry.model_validate(entry) for entry in output or []]


def rollback_target(
    past: Sequence[Entry],
    wanted: str | None = None,
    *,
    unrecorded: str | None = None,
    is_back: bool = False,
) -> Entry:
    """Choose the release to go back to; this is decided here only.

    A way back leads from what serves to the newest release before it that is another manifest and
    that no rollback left the last time it served. Typed again, it changes nothing.

    Args:
        past: newest first.
        wanted: a release by name, as `v7`; None leaves the choice to the rule.
        unrecorded: the manifest of what serves, if that is newer than all of the past. Where the
            past has it, a way back has led there and died before it was recorded; else the newest
            recorded release is the one before it.
        is_back: the newest release is where the last way back has led.

    Returns:
        An entry of the past; the one that serves where nothing is to be changed.

    Raises:
        LedgerError: there is none.
    """
    if not past:
        raise LedgerError("Nothing was released yet, so there is nothing to go back to.")
    if wanted is not None:
        return _named(past, wanted)
    if unrecorded is not None:
        return next((entry for entry in past if entry.manifest == unrecorded), past[0])
    if is_back:
        return past[0]
    if (found := next(iter(goods(past)), None)) is not None:
        return found
    others = [entry.version for entry in past if entry.manifest != past[0].manifest]
    hint = f" Name one with --to: {', '.join(others)}." if others else ""
    raise LedgerError(f"There is no release before {past[0].version} to go back to.{hint}")


def goods(past: Sequence[Entry]) -> list[Entry]:
    """Return the releases before the newest one that a rollback may choose, newest first.

    Each manifest once, as it last served: what became of it then is what is known of it.
    """
    found, seen = [], {past[0].manifest} if past else set()
    for newer, entry in pairwise(past):
        is_left = bool(newer.rollback_of) and newer.manifest != entry.manifest
        if entry.manifest not in seen and not is_left:
            found.append(entry)
        seen.add(entry.manifest)
    return found


def _named(past: Sequence[Entry], wanted: str) -> Entry:
    version = wanted if wanted.startswith("v") else f"v{wanted}"
    found = next((entry for entry in past if entry.version == version), None)
    if found is None:
        known = ", ".join(entry.version for entry in past)
        raise LedgerError(f"There is no release {version} in the ledger; it has {known}.")
    # It may run under another version: after a rollback, or released again.
    return past[0] if found.manifest == past[0].manifest else found
