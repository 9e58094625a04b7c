"""The stamp: what a finished bootstrap was made of, so that the next one can be instant."""

import hashlib
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from scripts.toolchain.checkout import Checkout


@dataclass(frozen=True, slots=True)
class Stamp:
    """The fingerprint of everything that a bootstrap depends on."""

    fingerprint: str

    @classmethod
    def wanted(cls, checkout: Checkout) -> "Stamp":
        """The stamp that a finished bootstrap of this checkout has, here and now."""
        digest = hashlib.sha256()
        for source in _sources(checkout):
            digest.update(source.read_bytes())
        # A moved checkout, another Python, a Pulumi that came or went: each is a reason to look.
        for fact in (str(checkout.root), sys.version, sys.base_prefix, _own_pulumi(checkout)):
            digest.update(b"\0" + fact.encode())
        return cls(digest.hexdigest())

    def holds(self, checkout: Checkout) -> bool:
        """Whether the last bootstrap finished with this stamp and its main parts still exist."""
        found = _read(checkout).get("fingerprint")
        parts = (checkout.python, checkout.bin / "pulumi", checkout.flygate / "env")
        return found == self.fingerprint and all(part.exists() for part in parts)

    def describe(self, checkout: Checkout) -> str:
        return _read(checkout).get("summary", "")

    def write(self, checkout: Checkout, summary: str) -> None:
        version = ".".join(map(str, sys.version_info[:3]))
        content = {"fingerprint": self.fingerprint, "summary": f"Python {version}, {summary}"}
        new = _path(checkout).with_suffix(".new")
        new.write_text(json.dumps(content))
        new.replace(_path(checkout))

    def remove(self, checkout: Checkout) -> None:
        _path(checkout).unlink(missing_ok=True)


def _sources(checkout: Checkout) -> list[Path]:
    scripts = checkout.root / "scripts"
    return sorted(
        [
            scripts / "bootstrap",
            *(scripts / "toolchain").glob("*.py"),
            *(scripts / "toolchain" / "pulumi").iterdir(),
            *(checkout.root / "requirements").glob("*.txt"),
        ]
    )


def _own_pulumi(checkout: Checkout) -> str:
    """The user's own Pulumi: where it is and of when."""
    path = os.pathsep.join(
        folder
        for folder in os.environ.get("PATH", "").split(os.pathsep)
        if folder and Path(folder) != checkout.bin
    )
    found = shutil.which("pulumi", path=path)
    if found is None or Path(found).resolve().is_relative_to(checkout.cache):
        return ""
    return f"{found} {Path(found).stat().st_mtime_ns}"


def _path(checkout: Checkout) -> Path:
    return checkout.toolchain / "stamp.json"


def _read(checkout: Checkout) -> dict[str, str]:
    try:
        content: dict[str, str] = json.loads(_path(checkout).read_text())
    except (OSError, ValueError):
        return {}
    return content
