"""The volumes of machines that are processes: each sees its own at the mount's path, by a table of
mounts of its own (`mounting.py`), which only Linux has.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from subprocess import DEVNULL, SubprocessError, run
from typing import Final

from localfly.errors import InvalidArgumentError
from localfly.machines.mounts import Mount
from localfly.runtime import mounting

_SECONDS: Final = 20.0
_SPARE: Final = ".spare"


class Mounter:
    """Makes the command that mounts volumes, each the subfolder of `folder` with its id."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def check(self, mounts: Sequence[Mount]) -> None:
        """Check that this computer can mount for a process, and that the paths can be had.

        Raises:
            InvalidArgumentError: it can't; the message says why and what to do.
        """
        if not mounts:
            return
        if trouble := await asyncio.to_thread(_trouble, self._folder):
            raise InvalidArgumentError(
                f"invalid_argument: this computer can't mount a volume for one process: {trouble}. "
                "Machines that are containers can have volumes: `flygate local up --runtime docker`"
            )
        for mount in mounts:
            self._check_path(Path(mount.path))

    def command(self, mounts: Sequence[Mount]) -> tuple[str, ...]:
        """Return the words before a descriptor's number and the machine's command; none where
        there are no mounts.
        """
        if not mounts:
            return ()
        folders = {mount.path: str(self._folder / mount.volume) for mount in mounts}
        return (*_PROGRAM, str(self._folder / _SPARE), json.dumps(folders))

    def _check_path(self, path: Path) -> None:
        """Check that the mount leaves what each machine needs where it is."""
        for needed in (self._folder, Path(sys.prefix), Path(sys.base_prefix), Path(__file__)):
            if needed.resolve().is_relative_to(path):
                raise InvalidArgumentError(
                    f"invalid_argument: config.mounts.path {path} would hide {needed}, which "
                    "machines on this computer need; take another path"
                )


_PROGRAM: Final = (sys.executable, "-I", "-S", "-B", mounting.__file__)


@lru_cache
def _trouble(folder: Path) -> str:
    """Return why a process can't have mounts of its own; empty if it can."""
    if sys.platform != "linux":
        return f"{sys.platform} has no mounts of one process"
    command = [*_PROGRAM, str(folder / _SPARE), "{}", "1"]
    try:
        done = run(command, stdin=DEVNULL, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, SubprocessError) as exc:
        return str(exc)
    text = (done.stdout or done.stderr).decode(errors="replace").strip()
    return text.splitlines()[-1] if text else ""
