"""`PackedImage`: a source tree as one deterministic archive, named by its content.

The same files give the same digest on every machine, so a second `pulumi up` from another
checkout shows no change. The local Fly runs such an image as it is; for Fly.io the
`Dockerfile` makes one of the same tree.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from flygate.images.source_files import SourceFiles

COMMAND: Final = ("python", "-m", "flygate_service")
# Below the folder that a machine starts in: the service's packages, and the user's own modules.
PYTHONPATH: Final = ".:service:wire"


@dataclass(frozen=True, slots=True)
class PackedImage:
    """A packed source tree.

    Attributes:
        digest: `sha256:` and the hex digest of the archive.
        archive: an uncompressed tar with `image.json` (what to run) at its root.
    """

    digest: str
    archive: bytes = field(repr=False)

    def reference(self, app: str) -> str:
        """Return the image's name in a machine config."""
        return f"registry.fly.io/{app}@{self.digest}"


def pack(root: Path, folders: Sequence[str], command: Sequence[str] = COMMAND) -> PackedImage:
    """Pack folders of a checkout.

    Args:
        root: the checkout.
        folders: names below it, files or folders.
        command: what a machine runs in the unpacked tree.

    Raises:
        ImageError: see `SourceFiles.read`.
    """
    entries = [("image.json", _image_json(command), False)]
    for name in SourceFiles.read(root, folders).files:
        path = root / name
        entries.append((name, path.read_bytes(), _is_executable(path)))
    archive = _tar(sorted(entries))
    return PackedImage(digest=f"sha256:{hashlib.sha256(archive).hexdigest()}", archive=archive)


def digest_of(reference: str) -> str:
    """Return the digest within an image's name."""
    return reference.rpartition("@")[2]


def _is_executable(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o100)


def _image_json(command: Sequence[str]) -> bytes:
    return json.dumps(
        {"cmd": list(command), "env": {"PYTHONPATH": PYTHONPATH}}, sort_keys=True
    ).encode()


def _tar(entries: Iterable[tuple[str, bytes, bool]]) -> bytes:
    buffer = io.BytesIO()
    # pax: only it has room for any name, and it adds nothing to the entry of a short one.
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8") as tar:
        for name, content, executable in entries:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.mode = 0o755 if executable else 0o644
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
