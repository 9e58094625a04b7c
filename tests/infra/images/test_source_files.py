"""What goes into an image: git decides, where the checkout is one of git's."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from flygate.images import packed_image
from flygate.images.source_files import SourceFiles, named
from flygate.system.errors import ImageError

IDENTITY = ("-c", "user.name=test", "-c", "user.email=test@example.com")
FOLDERS = ["service", "shop.py"]


def git(root: Path, *words: str) -> None:
    given = {"PATH": os.environ["PATH"], "HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", *IDENTITY, "-c", "protocol.file.allow=always", *words]
    subprocess.run(command, cwd=root, env=given, check=True, capture_output=True)


def write(path: Path, text: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A checkout that came without git."""
    root = tmp_path / "archive"
    for name in (
        "service/flygate_service/app.py",
        "service/flygate_service/routes/health.py",
        "shop.py",
        "README.md",
    ):
        write(root / name, name)
    write(root / ".gitignore", "local_*\n.env\n*.db\nbuild/\n*.pyc\n")
    return root


@pytest.fixture
def checkout(archive: Path) -> Path:
    """The same in git."""
    git(archive, "init", "--quiet")
    git(archive, "add", ".")
    git(archive, "commit", "--quiet", "--message", "first")
    return archive


@pytest.mark.parametrize(
    "name", ["service/local_settings.py", "service/shop.db", "service/build/out.js", "service/.env"]
)
def test_what_git_ignores_never_gets_in(checkout: Path, name: str) -> None:
    """Not even with another name than a hidden one; and the digest is another checkout's, too."""
    before = packed_image.pack(checkout, FOLDERS)
    write(checkout / name, "SECRET=canary")

    packed = packed_image.pack(checkout, FOLDERS)

    assert packed == before
    assert b"canary" not in packed.archive
    assert name not in SourceFiles.read(checkout, FOLDERS).files


def test_what_git_ignores_is_reported(checkout: Path) -> None:
    """By its name, a whole folder by the folder's; what never gets in is not worth a word."""
    for name in ("service/local_a.py", "service/build/a.js", "service/build/b.js"):
        write(checkout / name)
    for name in ("service/.env", "service/x.pyc", "service/__pycache__/y.pyc"):
        write(checkout / name)

    found = SourceFiles.read(checkout, FOLDERS)

    assert found.ignored == ("service/build/", "service/local_a.py")
    [note] = found.notes()
    assert note == ("service/build/, service/local_a.py: not in the image, because git ignores it.")


def test_a_new_file_is_taken_and_reported(checkout: Path) -> None:
    """A developer wants to see an edit run before it is in git."""
    write(checkout / "service" / "new.py")

    found = SourceFiles.read(checkout, FOLDERS)

    assert "service/new.py" in found.files
    assert found.untracked == ("service/new.py",)
    assert found.notes()[0].startswith("service/new.py: in the image, and not in git. `git add` it")


def test_what_git_has_is_taken_even_if_it_would_ignore_it(checkout: Path) -> None:
    """It was added on purpose, and every other checkout has it."""
    write(checkout / "service" / "local_kept.py")
    git(checkout, "add", "--force", "service/local_kept.py")

    found = SourceFiles.read(checkout, FOLDERS)

    assert "service/local_kept.py" in found.files
    assert found.notes() == []


def test_a_deleted_file_is_gone(checkout: Path) -> None:
    """Though git has it still."""
    (checkout / "service" / "flygate_service" / "routes" / "health.py").unlink()

    assert SourceFiles.read(checkout, FOLDERS).files == (
        "service/flygate_service/app.py",
        "shop.py",
    )


def test_with_and_without_git_it_is_the_same_image(checkout: Path, tmp_path: Path) -> None:
    """An archive of a commit has what the commit has."""
    copy = tmp_path / "copy"
    shutil.copytree(checkout, copy, ignore=shutil.ignore_patterns(".git"))

    assert packed_image.pack(copy, FOLDERS) == packed_image.pack(checkout, FOLDERS)
    assert SourceFiles.read(copy, FOLDERS).notes() == []


def test_before_the_first_commit_git_decides_already(archive: Path) -> None:
    """All is new then, and what is ignored stays out."""
    write(archive / "service" / "local_settings.py")
    git(archive, "init", "--quiet")

    found = SourceFiles.read(archive, FOLDERS)

    assert found.files == found.untracked
    assert "service/local_settings.py" not in found.files
    assert "service/flygate_service/app.py" in found.files


def test_a_checkout_may_be_a_folder_of_a_repository(checkout: Path) -> None:
    """One repository for all that a team has."""
    inner = checkout / "limiter"
    write(inner / "service" / "flygate_service" / "app.py")
    write(inner / "service" / "local_settings.py")
    git(checkout, "add", ".")

    found = SourceFiles.read(inner, ["service"])

    assert found.files == ("service/flygate_service/app.py",)
    assert found.ignored == ("service/local_settings.py",)


@pytest.mark.parametrize("ignored", [True, False])
def test_a_repository_around_it_may_have_nothing_to_do_with_it(
    tmp_path: Path, archive: Path, ignored: bool
) -> None:
    """Someone's home folder is in git, and an archive was unpacked there."""
    git(tmp_path, "init", "--quiet")
    write(tmp_path / ".gitignore", "archive/\n" if ignored else "")
    git(tmp_path, "add", ".gitignore")

    assert SourceFiles.read(archive, FOLDERS).files == (
        "service/flygate_service/app.py",
        "service/flygate_service/routes/health.py",
        "shop.py",
    )


def test_files_of_a_submodule_are_files(checkout: Path, tmp_path: Path) -> None:
    """Git lists its folder only."""
    other = tmp_path / "other"
    write(other / "lib.py")
    write(other / ".gitignore", "local_*")
    git(other, "init", "--quiet")
    git(other, "add", ".")
    git(other, "commit", "--quiet", "--message", "first")
    git(checkout, "submodule", "add", "--quiet", str(other), "service/lib")
    write(checkout / "service" / "lib" / "local_settings.py")
    write(checkout / "service" / "lib" / "new.py")

    found = SourceFiles.read(checkout, FOLDERS)

    assert {"service/lib/lib.py", "service/lib/new.py"} <= set(found.files)
    assert found.untracked == ("service/lib/new.py",)
    assert found.ignored == ("service/lib/local_settings.py",)


def test_files_of_a_repository_that_lies_in_it_are_new_ones(checkout: Path) -> None:
    """It is no submodule, so another checkout does not have it."""
    inner = checkout / "service" / "vendored"
    write(inner / "lib.py")
    git(inner, "init", "--quiet")
    git(inner, "add", ".")

    found = SourceFiles.read(checkout, FOLDERS)

    assert found.untracked == ("service/vendored/lib.py",)
    assert "service/vendored/lib.py" in found.files


def test_a_folder_that_git_ignores_is_refused_by_name(checkout: Path) -> None:
    """An image without it would not be what was asked for."""
    write(checkout / "build" / "main.py")

    with pytest.raises(ImageError, match="Git ignores all of the image's source 'build'"):
        packed_image.pack(checkout, ["service", "build"])


@pytest.mark.parametrize(
    "place", ["service/link.py", "service/linked", "service/flygate_service/routes"]
)
def test_a_link_is_refused_by_name(checkout: Path, place: str) -> None:
    """New or known to git, or a folder of it that was replaced."""
    if (checkout / place).is_dir():
        shutil.move(checkout / place, checkout / "elsewhere")
        (checkout / place).symlink_to(checkout / "elsewhere")
    else:
        (checkout / place).symlink_to(checkout / "shop.py")

    with pytest.raises(ImageError, match=f"{place} is a link"):
        packed_image.pack(checkout, FOLDERS)


def test_a_link_that_git_ignores_does_not_matter(checkout: Path) -> None:
    """It stays out."""
    (checkout / "service" / "local_link").symlink_to("/etc")

    assert "service/local_link" not in SourceFiles.read(checkout, FOLDERS).files


def test_names_that_git_would_quote_are_taken(checkout: Path) -> None:
    """And those that look like one of git's patterns."""
    names = ["service/größe.py", "service/a b.py", 'service/"q".py', "service/*.py", "service/a\nb"]
    for name in names:
        write(checkout / name)
    git(checkout, "add", ".")

    assert set(names) <= set(SourceFiles.read(checkout, FOLDERS).files)
    assert SourceFiles.read(checkout, ["service/*.py"]).files == ("service/*.py",)


def test_where_git_does_not_answer_nothing_is_packed(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it ignores could get in: a file of secrets, for example."""
    write(
        tmp_path / "bin" / "git",
        "#!/bin/sh\necho 'fatal: detected dubious ownership' >&2; exit 128\n",
    )
    (tmp_path / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    with pytest.raises(ImageError, match="detected dubious ownership"):
        packed_image.pack(checkout, FOLDERS)

    (tmp_path / "bin" / "git").unlink()
    with pytest.raises(ImageError, match="is a checkout of git, and git does not say"):
        packed_image.pack(checkout, FOLDERS)


def test_a_hook_of_git_does_not_lead_it_astray(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git names its own repository to what it runs."""
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))

    assert SourceFiles.read(checkout, FOLDERS).untracked == ()


def test_without_git_an_archive_is_packed(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No program is needed to unpack and run it."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "service/flygate_service/app.py" in SourceFiles.read(archive, FOLDERS).files


def test_many_names_are_counted() -> None:
    """A message is a line, not a list of a thousand files."""
    assert named(["a", "b"]) == "a, b"
    assert named([f"f{n}" for n in range(9)]) == "f0, f1, f2, f3, f4 and 4 more"
