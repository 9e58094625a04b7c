"""`DesiredRelease`: the release that is to run, whatever runs now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flygate.config import Pin
from flygate.manifest import Manifest


@dataclass(frozen=True, slots=True)
class DesiredRelease:
    """The release that is to run.

    Attributes:
        secrets: name → value.
        pin: the pin that asks for it; None for the checkout's own manifest.
        kept: the secrets that a rollback leaves at their present values.
        id: the manifest's id, which is read off it if it is not given.
    """

    manifest: Manifest
    secret_set: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    pin: Pin | None = None
    promotion: str = ""
    kept: tuple[str, ...] = ()
    id: str = ""

    def __post_init__(self) -> None:
        if not self.id:
            object.__setattr__(self, "id", self.manifest.id(self.secret_set))

    @property
    def reason(self) -> str:
        """Return why an operator pinned it, or an empty string."""
        return self.pin.reason if self.pin else ""

    @property
    def rollback_of(self) -> int | None:
        """Return the version whose manifest runs again; None without a pin."""
        return int(self.pin.version.removeprefix("v")) if self.pin else None

    @property
    def runs_command(self) -> bool:
        """Return whether the manifest's release command may run: not on a way back, unasked."""
        is_asked = self.pin is None or self.pin.release_command
        return self.manifest.release_command is not None and is_asked

    @property
    def is_fast(self) -> bool:
        """Return whether it is an emergency: all at once, with the least of gates."""
        return self.pin is not None and self.pin.fast
