"""`ReleaseCommand`: what runs once in a machine of its own, before anything of a release serves."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class ReleaseCommand(BaseModel):
    """A command such as a migration of the database.

    Attributes:
        config: of its machine, as flyctl sends it, without image and metadata.
        timeout: how long it may take ("5m").
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    config: dict[str, Any]
    timeout: str = "5m"

    @property
    def words(self) -> list[str]:
        """The command, as words."""
        words: list[str] = self.config.get("init", {}).get("cmd", [])
        return words
