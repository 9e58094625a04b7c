"""A request and its answer, whatever carries them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """A request.

    Attributes:
        patience: how many seconds the caller waits for the answer.
    """

    method: str
    path: str
    host: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    patience: float = 15.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; its body is JSON, or nothing."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
