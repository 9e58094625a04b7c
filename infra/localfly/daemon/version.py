"""Which code a daemon runs: a hash of these sources, so that `up` restarts an older one."""

import hashlib
from pathlib import Path
from typing import Final

_KINDS: Final = ("py", "graphql", "html", "css", "js")
_PACKAGE: Final = Path(__file__).resolve().parents[1]
PROJECT_ROOT: Final = _PACKAGE.parent.parent


def code_version() -> str:
    digest = hashlib.sha256()
    sources = [path for kind in _KINDS for path in _PACKAGE.rglob(f"*.{kind}")]
    for path in sorted(sources):
        digest.update(f"{path.relative_to(_PACKAGE)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
