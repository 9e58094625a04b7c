"""The releases as anybody may see them (the stack's `history` output), newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from infra.errors import LedgerError


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
        """Its limits were kept in Redis."""
        env = (self.content or {}).get("config", {}).get("env", {})
        return bool(env.get("RATE_LIMIT_STORAGE") == "redis")


def parse(output: Any) -> list[Entry]:
    """The entries of a stack's `history` output."""
    return [Entry.model_validate(entry) for entry in output or []]


def rollback_target(history: Sequence[Entry], wanted: str | None) -> Entry:
    """The release to go back to.

    By default the newest one before the manifest that runs came to run: after a rollback to v1,
    another one does not bring back what was rolled back from.

    Raises:
        LedgerError: there is none, or it runs already.
    """
    if not history:
        raise LedgerError("Nothing was released yet, so there is nothing to go back to.")
    current = history[0]
    if wanted is None:
        return _before(history, current)
    version = wanted if wanted.startswith("v") else f"v{wanted}"
    found = next((entry for entry in history if entry.version == version), None)
    if found is None:
        known = ", ".join(entry.version for entry in history)
        raise LedgerError(f"There is no release {version} in the ledger; it has {known}.")
    if found.manifest == current.manifest:
        raise LedgerError(f"{version} is what runs now (as {current.version}); nothing to do.")
    return found


def _before(history: Sequence[Entry], current: Entry) -> Entry:
    origin = current.rollback_of or current.version
    numbers = [int(entry.version[1:]) for entry in history]
    for entry, number in zip(history, numbers, strict=True):
        if number < int(origin[1:]) and entry.manifest != current.manifest:
            return entry
    others = [entry.version for entry in history if entry.manifest != current.manifest]
    hint = f" Name one with --to: {', '.join(others)}." if others else ""
    raise LedgerError(f"There is no release before {origin} to go back to.{hint}")
