"""`GitFiles`: the tracked, untracked and ignored files below some folders of a checkout."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flygate.system.environment import for_others
from flygate.system.errors import ImageError

_SECONDS: Final = 60
# Git sets these for its hooks: they name another repository, or part of one.
_OF_A_HOOK: Final = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"})


@dataclass(frozen=True, slots=True)
class GitFiles:
    """The files, by names below the checkout, with slashes.

    Attributes:
        tracked: in git's index.
        untracked: neither in the index nor ignored.
        ignored: ignored and not in the index; of a whole folder its name, with a slash at its end.
    """

    tracked: frozenset[str]
    untracked: frozenset[str]
    ignored: frozenset[str]

    @classmethod
    def read(cls, root: Path, folders: Sequence[str]) -> GitFiles | None:
        """Ask git; None if the checkout is no git repository, as an unpacked archive.

        Raises:
            ImageError: it is a repository, and git does not answer.
        """
        if not _is_checkout(root):
            return None
        tracked, more = _split(root, _list(root, folders, "--cached"))
        untracked, others = _split(root, _list(root, folders, "--others", "--exclude-standard"))
        words = ("--others", "--ignored", "--exclude-standard", "--directory")
        found = cls(tracked, untracked, frozenset(_list(root, folders, *words)))
        for name in more:
            found = found._with(name, root, is_known=True)
        for name in others:
            found = found._with(name, root, is_known=False)
        return found

    def _with(self, name: str, root: Path, *, is_known: bool) -> GitFiles:
        """Add the files of another repository within the checkout, such as a submodule."""
        inner = GitFiles.read(root / name, ["."])
        if inner is None:  # a submodule that was not fetched
            return self
        tracked, untracked, ignored = (
            {f"{name.rstrip('/')}/{one}" for one in part}
            for part in (inner.tracked, inner.untracked, inner.ignored)
        )
        if not is_known:
            tracked, untracked = set(), tracked | untracked
        return GitFiles(self.tracked | tracked, self.untracked | untracked, self.ignored | ignored)


def _is_checkout(root: Path) -> bool:
    """Whether git decides: the checkout has tracked files, or is the top of a repository."""
    if os.path.lexists(root / ".git"):
        return True
    if not any(os.path.lexists(parent / ".git") for parent in root.absolute().parents):
        return False
    # It may lie in a repository that has nothing to do with it.
    return bool(_list(root, ["."], "--cached"))


def _split(root: Path, names: Iterable[str]) -> tuple[frozenset[str], list[str]]:
    """Split names into files, and folders that are repositories themselves."""
    all_ = set(names)
    folders = {
        name
        for name in all_
        if name.endswith("/") or ((root / name).is_dir() and not (root / name).is_symlink())
    }
    return frozenset(all_ - folders), sorted(folders)


def _list(root: Path, folders: Sequence[str], *words: str) -> list[str]:
    command = ["git", "--literal-pathspecs", "ls-files", "-z", *words, "--", *folders]
    own = for_others(os.environ)
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env={name: value for name, value in own.items() if name not in _OF_A_HOOK},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except subprocess.CalledProcessError as exc:
        raise _unknown(root, os.fsdecode(exc.stderr).strip()) from None
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise _unknown(root, str(exc)) from None
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]


def _unknown(root: Path, why: str) -> ImageError:
    return ImageError(
        f"{root} is a checkout of git, and git does not say which of its files it ignores; these "
        f"must not get into an image. It said: {why or 'nothing'}"
    )
