"""The commit that describes an image, in real checkouts."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from flygate.images.revision import Revision

INPUTS = ("Dockerfile", "service")


class Checkout:
    """A git repository in which time is made."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "--quiet")
        self.commit("Dockerfile", "FROM scratch", 1_000_000_000)
        self.newest = self.commit("service/flygate_service/app.py", "print()", 1_000_000_100)

    def git(self, *arguments: str, at: int = 0) -> str:
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
        return subprocess.run(
            ["git", *identity, *arguments],
            cwd=self.root,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_COMMITTER_DATE": f"@{at} +0000"},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def commit(self, name: str, text: str, at: int) -> str:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)
        self.git("add", name)
        self.git("commit", "--quiet", "--message", name, at=at)
        return self.git("rev-parse", "HEAD")

    def revision(self) -> Revision:
        return Revision.read(self.root, INPUTS)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """With two commits of 2001."""
    return Checkout(tmp_path)


def test_a_commit_that_changes_no_image_makes_no_other_one(checkout: Checkout) -> None:
    """Its name and its date stay: the image is the same to the last bit."""
    before = checkout.revision()
    checkout.commit("README.md", "words", 1_000_000_200)

    assert checkout.revision() == before
    assert before.at == 1_000_000_100
    assert not before.is_dirty
    assert before.tag == checkout.newest[:12]


@pytest.mark.parametrize("name", ["service/flygate_service/app.py", "service/new.py", "Dockerfile"])
def test_what_no_commit_has_is_reported(checkout: Checkout, name: str) -> None:
    """A changed file, a new one: the tag says it, and the image is dated now."""
    (checkout.root / name).write_text("# changed")

    found = checkout.revision()

    assert found.is_dirty
    assert found.tag == f"{checkout.newest[:12]}-dirty"
    assert abs(found.at - time.time()) < 60


def test_changes_elsewhere_do_not_count(checkout: Checkout) -> None:
    """`pulumi config set` writes into the checkout each time that an image is pushed."""
    (checkout.root / "Pulumi.staging.yaml").write_text("config: {}")

    assert not checkout.revision().is_dirty


def test_a_folder_without_git_is_dirty(tmp_path: Path) -> None:
    """No commit describes it."""
    assert Revision.read(tmp_path, INPUTS).tag == "dirty"
