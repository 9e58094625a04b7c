"""A release record of an app, as `fly releases` lists it: advisory, nothing enforces it."""

from dataclasses import asdict, dataclass
from typing import Any, Final

_ENDED: Final = frozenset({"complete", "failed", "interrupted", "succeeded"})


@dataclass(slots=True)
class Release:
    """One deployment as its client reported it."""

    id: str
    app: str
    version: int
    status: str  # pending | running | complete | failed | interrupted
    strategy: str
    image_ref: str
    definition: dict[str, Any]  # the fly.toml as JSON
    user: str
    created_at: float
    updated_at: float
    metadata: Any = None

    @property
    def stable(self) -> bool:
        return self.status in {"complete", "succeeded"}

    @property
    def in_progress(self) -> bool:
        return self.status not in _ENDED

    def to_state(self) -> dict[str, Any]:
        return asdict(self)
