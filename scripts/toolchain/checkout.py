"""Where things are: this checkout and the user's cache."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Checkout:
    """The project's folder and what the bootstrap puts there."""

    root: Path
    cache: Path

    @classmethod
    def here(cls) -> "Checkout":
        """The checkout that holds this file."""
        return cls(root=Path(__file__).resolve().parents[2], cache=_user_cache() / "flygate")

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def flygate(self) -> Path:
        """Everything of this checkout that git ignores, except the virtual environment."""
        return self.root / ".flygate"

    @property
    def toolchain(self) -> Path:
        return self.flygate / "toolchain"

    @property
    def bin(self) -> Path:
        """Goes onto the PATH: `pulumi`, and stand-ins where they are needed."""
        return self.toolchain / "bin"

    @property
    def stand_ins(self) -> Path:
        return self.root / "scripts" / "toolchain" / "standins"

    def requirements(self, name: str) -> Path:
        return self.root / "requirements" / f"{name}.txt"


def _user_cache() -> Path:
    if configured := os.environ.get("XDG_CACHE_HOME"):
        return Path(configured)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path.home() / ".cache"
