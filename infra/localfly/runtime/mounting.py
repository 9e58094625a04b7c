"""A program that mounts volumes where only one process sees them, and becomes that process.

Linux gives each process its own table of mounts. The daemon runs this file by its path, as it may
import nothing but the standard library: `mounting.py SPARE MOUNTS REPORT COMMAND…`. SPARE is an
empty folder; MOUNTS the folders by the paths where the command sees them, as JSON; REPORT a
descriptor that gets the reason where the command can't run, and is closed when it runs.

A path that this computer lacks is not made on it: the nearest folder that exists is replaced, for
this process, by one in memory with the same things in it, and the path.
"""

import ctypes
import json
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_NEW_MOUNTS: Final = 0x00020000
_NEW_USER: Final = 0x10000000
_BIND: Final = 4096
_RECURSIVE: Final = 16384
_UNBINDABLE: Final = 1 << 17
_PRIVATE: Final = 1 << 18
_MOST_NEIGHBOURS: Final = 2000
_STDERR: Final = 2


def main(arguments: Sequence[str]) -> None:
    """Mount, and run the command; return only where that fails."""
    spare, mounts, report, *command = arguments
    descriptor = int(report)
    if descriptor > _STDERR:
        os.set_inheritable(descriptor, False)
    try:
        enter(json.loads(mounts), Path(spare))
        if command:
            os.execvp(command[0], command)  # noqa: S606 (it is the machine's own command)
    except OSError as exc:
        os.write(descriptor, (str(exc) or type(exc).__name__).encode())
        os._exit(127)


def enter(mounts: Mapping[str, str], spare: Path) -> None:
    """Give this process mounts of its own, and these folders among them.

    Raises:
        OSError: the system does not let it, or a path can't be had.
    """
    here = Path.cwd()
    _leave_the_mounts_of_others()
    _mount("none", "/", "", _RECURSIVE | _PRIVATE)
    sources = {path: os.open(folder, os.O_PATH | os.O_DIRECTORY) for path, folder in mounts.items()}
    for path, source in sources.items():
        _provide(Path(path), spare)
        _mount(f"/proc/self/fd/{source}", path, "", _BIND)
        os.close(source)
    os.chdir(here)


def _leave_the_mounts_of_others() -> None:
    """Take a table of mounts of its own; a user who may not gets one as the user of a namespace."""
    try:
        _call("unshare", _NEW_MOUNTS)
    except PermissionError:
        user, group = os.geteuid(), os.getegid()
        _call("unshare", _NEW_USER | _NEW_MOUNTS)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            Path(f"/proc/self/{name}").write_text(text)


def _provide(path: Path, spare: Path) -> None:
    """Let there be a folder of that path, for this process alone."""
    if path.is_dir():
        return
    parent = next(one for one in path.parents if one.exists())
    if not parent.is_dir() or path.exists() or path.is_symlink():
        raise NotADirectoryError(f"{path} is no folder of this computer, and can't be one")
    if parent == Path("/"):
        _replace(parent, spare)
        os.chroot(spare)
    else:
        _replace(parent, parent)
    path.mkdir(parents=True)


def _replace(original: Path, place: Path) -> None:
    """Mount a folder in memory at `place`, with all that is in the original one."""
    names = os.listdir(original)
    if len(names) > _MOST_NEIGHBOURS:
        raise OSError(f"{original} has {len(names)} things in it; make the folder of the mount")
    kept = os.stat(original)
    source = os.open(original, os.O_PATH | os.O_DIRECTORY)
    _mount("none", str(place), "tmpfs", 0)
    _mount("none", str(place), "", _UNBINDABLE)
    for name in names:
        _show(f"/proc/self/fd/{source}/{name}", place / name)
    os.chmod(place, stat.S_IMODE(kept.st_mode))
    os.close(source)


def _show(source: str, place: Path) -> None:
    mode = os.lstat(source).st_mode
    if stat.S_ISLNK(mode):
        place.symlink_to(os.readlink(source))
        return
    if stat.S_ISDIR(mode):
        place.mkdir()
    else:
        place.touch()
    _mount(source, str(place), "", _BIND | _RECURSIVE)


def _mount(source: str, target: str, kind: str, flags: int) -> None:
    _call("mount", source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), None)


def _call(name: str, *arguments: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        places = ", ".join(a.decode() for a in arguments if isinstance(a, bytes) and a)
        text = f"{name}({places}): {os.strerror(number)}" if places else f"{name}"
        raise OSError(number, text)


if __name__ == "__main__":
    main(sys.argv[1:])
