"""The local registry: source trees by the digest of their tar."""

import errno
import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from localfly.errors import InvalidArgumentError, NotFoundError, TooLargeError
from localfly.images.placeholder import placeholder_image
from localfly.images.reference import ImageRef
from localfly.state.disk_space import check_disk_space
from localfly.state.files import opener, remove_tree

MAX_IMAGE_BYTES: Final = 64 * 1024 * 1024
# An uncompressed tar can't be larger unpacked; the number of files has a limit of its own.
_MOST_FILES: Final = 20_000
_LONGEST_PATH: Final = 1024
_MANIFEST: Final = "image.json"
_TAGS: Final = ".tags.json"
# A name is too long, or a file is where a folder is needed.
_IMPOSSIBLE: Final = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}


@dataclass(frozen=True, slots=True)
class Image:
    """An unpacked image: its folder, command and environment."""

    digest: str
    tree: Path
    command: tuple[str, ...]
    env: Mapping[str, str]


class ImageStore:
    """Images under one folder, one subfolder per digest; an image is complete or absent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, digest: str, tar: bytes) -> bool:
        """Unpack an image; return False if it existed.

        Raises:
            InvalidArgumentError: the bytes have another digest, or the tar is unsafe.
            TooLargeError: above 64 MiB.
            NoSpaceError: the disk is full.
        """
        if len(tar) > MAX_IMAGE_BYTES:
            raise TooLargeError(f"image too large: {len(tar)} bytes, at most {MAX_IMAGE_BYTES}")
        found = "sha256:" + hashlib.sha256(tar).hexdigest()
        if found != digest:
            raise InvalidArgumentError(f"digest mismatch: the path says {digest}, the tar {found}")
        if self.has(digest):
            return False
        check_disk_space(self._folder, len(tar))
        self._unpack(digest, tar)
        return True

    def add_placeholder(self, ref: ImageRef) -> str:
        """Add an image that runs in place of `ref`, which can't be pulled; return its digest."""
        tar = placeholder_image(ref.tagged_name)
        digest = "sha256:" + hashlib.sha256(tar).hexdigest()
        self.add(digest, tar)
        return digest

    def tag(self, ref: ImageRef, digest: str) -> None:
        """Let the reference mean this image.

        Raises:
            NotFoundError: there is no such image.
        """
        self.get(digest)
        tags = {**self.tags(), ref.tagged_name: digest}
        scratch = self._folder / f"{_TAGS}.new"
        with open(scratch, "w", opener=opener) as file:
            json.dump(tags, file, indent=1)
        scratch.replace(self._folder / _TAGS)

    def tags(self) -> dict[str, str]:
        """Return digests by the names that stand for them."""
        path = self._folder / _TAGS
        return dict(json.loads(path.read_bytes())) if path.exists() else {}

    def resolve(self, ref: ImageRef) -> str | None:
        """Return the digest that a reference means; None if its tag is unknown."""
        return ref.digest or self.tags().get(ref.tagged_name)

    def size(self, digest: str) -> int:
        """Return the number of bytes of an image's files."""
        return sum(path.stat().st_size for path in self._tree(digest).rglob("*") if path.is_file())

    def has(self, digest: str) -> bool:
        return (self._tree(digest) / _MANIFEST).is_file()

    def get(self, digest: str) -> Image:
        """Return the image to run.

        Raises:
            NotFoundError: it was never added; the message says how to add it.
        """
        if not self.has(digest):
            raise NotFoundError(
                f"image {digest} not found in the local registry; PUT its tar to /_images/{digest}"
            )
        tree = self._tree(digest)
        command, env = _manifest((tree / _MANIFEST).read_bytes())
        return Image(digest, tree, command, env)

    def digests(self) -> list[str]:
        hashes = (path.name for path in self._folder.iterdir() if not path.name.startswith("."))
        return [f"sha256:{name}" for name in sorted(hashes)]

    def _tree(self, digest: str) -> Path:
        return self._folder / digest.removeprefix("sha256:")

    def _unpack(self, digest: str, tar: bytes) -> None:
        """Unpack beside the final place, so that a folder with the digest's name is complete."""
        scratch = Path(tempfile.mkdtemp(prefix=".unpack-", dir=self._folder))
        try:
            for path, content in _safe_files(tar).items():
                target = scratch / path
                try:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(content)
                except OSError as exc:
                    if exc.errno not in _IMPOSSIBLE:
                        raise
                    raise InvalidArgumentError(f"unsafe image: {path}: {exc.strerror}") from exc
            _make_read_only(scratch)
            scratch.rename(self._tree(digest))
        except BaseException:
            remove_tree(scratch)
            raise


def _safe_files(tar: bytes) -> Mapping[str, bytes]:
    """Return the tar's files by path; only plain files and folders below the root are accepted."""
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as archive:
            for member in archive:
                path = _safe_path(member)
                if len(files) >= _MOST_FILES:
                    raise InvalidArgumentError(f"the image has more than {_MOST_FILES} files")
                content = archive.extractfile(member)
                if content is not None:
                    files[path] = content.read()
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as exc:
        raise InvalidArgumentError(f"not an uncompressed tar: {exc}") from exc
    if _MANIFEST not in files:
        raise InvalidArgumentError(f"the image has no {_MANIFEST} at its root")
    _manifest(files[_MANIFEST])
    return files


def _safe_path(member: tarfile.TarInfo) -> str:
    path = PurePosixPath(member.name)
    if member.issparse():  # a few bytes that stand for any number of bytes
        raise InvalidArgumentError(
            f"unsafe image: {member.name} is a sparse file of {member.size} bytes; pack it in full"
        )
    if not (member.isreg() or member.isdir()):
        raise InvalidArgumentError(f"unsafe image: {member.name} is neither a file nor a folder")
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or "\0" in member.name:
        raise InvalidArgumentError(f"unsafe image: {member.name} leaves the image's tree")
    if len(member.name.encode(errors="surrogateescape")) > _LONGEST_PATH:
        raise InvalidArgumentError(f"unsafe image: a path of more than {_LONGEST_PATH} bytes")
    return str(path)


def _manifest(raw: bytes) -> tuple[tuple[str, ...], Mapping[str, str]]:
    expected = f'{_MANIFEST} must be {{"cmd": [strings], "env": {{names: strings}}}}'
    try:
        document: Any = json.loads(raw)
        command, env = document["cmd"], document.get("env") or {}
        is_sound = bool(command) and all(isinstance(word, str) for word in command)
        is_sound &= all(isinstance(value, str) for value in env.values())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise InvalidArgumentError(f"{expected}: {exc!r}") from exc
    if not is_sound or isinstance(command, str):
        raise InvalidArgumentError(f"{expected}, found {document!r}")
    return tuple(command), env


def _make_read_only(tree: Path) -> None:
    """Keep programs from changing an image that other machines run."""
    for parent, _, names in os.walk(tree):
        for name in names:
            (Path(parent) / name).chmod(0o400)
    for parent, _, _ in os.walk(tree):
        Path(parent).chmod(0o500)
