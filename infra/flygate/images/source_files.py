"""`SourceFiles`: the files of a checkout that an image is made of.

In a git repository git decides: an ignored file never gets into an image, be it a file of secrets,
a database or a build. An untracked file is packed, with a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from flygate.images.git_files import GitFiles
from flygate.system.errors import ImageError

_LEFT_OUT_FOLDERS: Final = frozenset({"__pycache__"})
_LEFT_OUT_SUFFIXES: Final = frozenset({".pyc", ".pyo"})
_HINT: Final = "Check flygate:source."
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """Names below the checkout, with slashes, sorted; no bytecode, nothing hidden.

    Attributes:
        files: what goes in.
        untracked: those of them that git does not know.
        ignored: those that git ignores; a whole folder ends with a slash.
    """

    files: tuple[str, ...]
    untracked: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    @classmethod
    def read(cls, root: Path, folders: Sequence[str]) -> SourceFiles:
        """Find the files.

        Args:
            root: the checkout.
            folders: names below it, files or folders.

        Raises:
            ImageError: one is missing, empty or outside of the checkout, a file is a link, or git
                does not answer.
        """
        for folder in folders:
            _check(root, folder)
        known = GitFiles.read(root, folders)
        if known is None:
            found = {name for folder in folders for name in _walked(root, folder)}
            return cls(tuple(sorted(found)))
        untracked = set(_files(root, known.untracked))
        files = set(_files(root, known.tracked)) | untracked
        ignored = [name for name in known.ignored if not _is_left_out(PurePosixPath(name))]
        for folder in folders:
            if not any(_is_below(name, folder) for name in files):
                raise ImageError(f"Git ignores all of the image's source {folder!r}. {_HINT}")
        return cls(tuple(sorted(files)), tuple(sorted(untracked)), tuple(sorted(ignored)))

    def notes(self) -> list[str]:
        """Return notes on untracked and ignored files."""
        notes = []
        if self.untracked:
            notes.append(
                f"{named(self.untracked)}: in the image, and not in git. `git add` it, or let git "
                "ignore it and it stays out."
            )
        if self.ignored:
            notes.append(f"{named(self.ignored)}: not in the image, because git ignores it.")
        return notes


def named(names: Sequence[str]) -> str:
    """Name some, and count the rest."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _check(root: Path, folder: str) -> None:
    if Path(folder).is_absolute() or ".." in Path(folder).parts:
        raise ImageError(f"The image's source {folder!r} is not below the checkout. {_HINT}")
    if not (root / folder).exists():
        raise ImageError(f"The image's source {folder!r} does not exist. {_HINT}")


def _files(root: Path, names: Iterable[str]) -> Iterator[str]:
    """Yield those of git's names that belong into an image."""
    for name in sorted(names):
        relative = PurePosixPath(name)
        if _is_left_out(relative):
            continue
        for place in (relative, *relative.parents[:-1]):
            _check_no_link(root, place)
        if (root / name).is_file():  # git knows files that were deleted
            yield name


def _walked(root: Path, folder: str) -> Iterator[str]:
    """Yield the files that belong into an image, without git."""
    top = root / folder
    for path in [top] if top.is_file() else sorted(top.rglob("*")):
        relative = PurePosixPath(path.relative_to(root).as_posix())
        if _is_left_out(relative):
            continue
        _check_no_link(root, relative)
        if path.is_file():
            yield str(relative)


def _check_no_link(root: Path, relative: PurePosixPath) -> None:
    if (root / relative).is_symlink():
        raise ImageError(f"{relative} is a link; an image carries plain files only")


def _is_left_out(relative: PurePosixPath) -> bool:
    return relative.suffix in _LEFT_OUT_SUFFIXES or any(
        part in _LEFT_OUT_FOLDERS or part.startswith(".") for part in relative.parts
    )


def _is_below(name: str, folder: str) -> bool:
    place = PurePosixPath(folder)
    return PurePosixPath(name) == place or place in PurePosixPath(name).parents
