"""The image store."""

import io
import os
import tarfile
from pathlib import Path

import pytest
from localfly.errors import InvalidArgumentError, NoSpaceError, NotFoundError, TooLargeError
from localfly.images.image_store import ImageStore
from localfly.state.files import remove_tree

from tests.support.full_disk import files_of_at_most
from tests.support.localfly import digest_of, make_image


def tar_with(member: tarfile.TarInfo, content: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
        manifest = b'{"cmd": ["python"], "env": {}}'
        described = tarfile.TarInfo("image.json")
        described.size = len(manifest)
        archive.addfile(described, io.BytesIO(manifest))
    return buffer.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    "member",
    [
        tarfile.TarInfo("../outside"),
        tarfile.TarInfo("/etc/outside"),
        tarfile.TarInfo("a/../../outside"),
        special("link", tarfile.SYMTYPE, "/etc/passwd"),
        special("link", tarfile.LNKTYPE, "image.json"),
        special("device", tarfile.CHRTYPE),
        special("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda member: member.name,
)
def test_unsafe_images_are_refused(tmp_path: Path, member: tarfile.TarInfo) -> None:
    """Nothing of them reaches the disk."""
    image = tar_with(member)
    with pytest.raises(InvalidArgumentError, match="unsafe image"):
        ImageStore(tmp_path).add(digest_of(image), image)
    assert list(tmp_path.iterdir()) == []


def sparse(size: int) -> bytes:
    """A file of nothing but a hole, in a few hundred bytes."""
    member = tarfile.TarInfo("hole")
    member.pax_headers = {
        "GNU.sparse.map": f"{size - 1},1",
        "GNU.sparse.size": str(size),
        "GNU.sparse.name": "hole",
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
    return buffer.getvalue()


def chained(count: int) -> bytes:
    """Headers about headers about headers."""
    header = tarfile.TarInfo("x")
    header.type = tarfile.XHDTYPE
    return header.tobuf() * count


def named(name: str) -> bytes:
    return tar_with(tarfile.TarInfo(name), b"x")


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (sparse(800_000_000), "hole is a sparse file of 800000000 bytes"),
        (chained(3000), "not an uncompressed tar"),
        (named("a" * 300), "File name too long"),
        (named("a/" * 600 + "b"), "a path of more than"),
        (make_image({"a": b"x", "a/b": b"y"}, ["python"]), "unsafe image: a/b"),
        (
            tar_with(tarfile.TarInfo("x")).replace(b'{"cmd": ["python"]', b"[" * 18),
            "image.json must",
        ),
    ],
    ids=["sparse", "deep", "a long name", "a long path", "a file as a folder", "no manifest"],
)
def test_an_image_can_t_be_more_than_it_weighs(tmp_path: Path, image: bytes, said: str) -> None:
    """A few kilobytes fill neither memory nor disk, and are refused by name."""
    with pytest.raises(InvalidArgumentError, match=said):
        ImageStore(tmp_path).add(digest_of(image), image)
    assert list(tmp_path.iterdir()) == []


def test_an_image_has_a_largest_number_of_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty ones weigh little, and cost a file each."""
    monkeypatch.setattr("localfly.images.image_store._MOST_FILES", 3)
    image = make_image({f"f{number}": b"" for number in range(5)}, ["python"])
    with pytest.raises(InvalidArgumentError, match="more than 3 files"):
        ImageStore(tmp_path).add(digest_of(image), image)


@pytest.mark.parametrize(
    "image",
    [
        b"not a tar",
        make_image({}, []),
        make_image({}, [1]),  # type: ignore[list-item]
        make_image({}, "python"),  # type: ignore[arg-type]
    ],
    ids=["no tar", "no command", "a number", "a text"],
)
def test_images_without_a_sound_manifest_are_refused(tmp_path: Path, image: bytes) -> None:
    """The machine would not start; better to know now."""
    with pytest.raises(InvalidArgumentError):
        ImageStore(tmp_path).add(digest_of(image), image)
    assert list(tmp_path.iterdir()) == []


def test_images_are_kept_once_and_read_only(tmp_path: Path) -> None:
    """The tree holds what the tar held."""
    store, image = ImageStore(tmp_path), make_image({"pkg/a.py": b"1"}, ["python", "pkg/a.py"])
    assert store.add(digest_of(image), image) is True
    assert store.add(digest_of(image), image) is False
    found = store.get(digest_of(image))
    assert found.command == ("python", "pkg/a.py")
    assert (found.tree / "pkg/a.py").read_bytes() == b"1"
    assert (found.tree / "pkg/a.py").stat().st_mode & 0o222 == 0
    assert store.digests() == [digest_of(image)]
    remove_tree(tmp_path)
    assert not tmp_path.exists()


def test_wrong_digests_and_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Content-addressed means that the name is checked."""
    store, image = ImageStore(tmp_path), make_image({}, ["x"])
    with pytest.raises(InvalidArgumentError, match="digest mismatch"):
        store.add(digest_of(b"other"), image)
    with pytest.raises(NotFoundError, match="PUT its tar"):
        store.get(digest_of(image))
    monkeypatch.setattr("localfly.images.image_store.MAX_IMAGE_BYTES", 100)
    with pytest.raises(TooLargeError):
        store.add(digest_of(image), image)
    assert os.listdir(tmp_path) == []


def test_an_image_that_finds_no_room_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused before, or taken away again; with room it is whole."""
    image = make_image({"large": b"x" * 3000}, ["python"])
    store = ImageStore(tmp_path)

    with files_of_at_most(1000), pytest.raises(OSError, match="too large"):
        store.add(digest_of(image), image)
    assert list(tmp_path.iterdir()) == []
    with monkeypatch.context() as full:
        full.setattr("localfly.state.disk_space.LEAST_BYTES", 1 << 60)
        with pytest.raises(NoSpaceError, match="no space left on device"):
            store.add(digest_of(image), image)
    assert list(tmp_path.iterdir()) == []
    assert store.add(digest_of(image), image)
