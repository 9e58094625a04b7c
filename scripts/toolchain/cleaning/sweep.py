"""Removes files and folders; of a link the link alone, and read-only folders too."""

import os
import shutil
from pathlib import Path


def remove(path: Path) -> bool:
    """Whether there was anything.

    Raises:
        OSError: the system refuses.
    """
    if path.is_symlink() or path.is_file():
        path.unlink()
        return True
    if not path.exists():
        return False
    for parent, _, _ in os.walk(path):
        Path(parent).chmod(0o700)  # the images of the local Fly can't be changed
    shutil.rmtree(path)
    return True
