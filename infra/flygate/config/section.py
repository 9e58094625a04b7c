"""What all parts of the stack's configuration have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the configuration; a key that we do not know is an error, not a surprise."""

    model_config = ConfigDict(extra="forbid", frozen=True)
