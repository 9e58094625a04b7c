"""`flygate image build --push`: what may be pushed."""

from __future__ import annotations

import pytest
from flygate.cli.verbs.image import _check_committed
from flygate.images.builder import BuildRequest
from flygate.images.revision import Revision
from flygate.images.source_files import SourceFiles
from flygate.system.errors import ImageError


def order(*, is_dirty: bool) -> BuildRequest:
    return BuildRequest(
        "shop", "registry.fly.io/shop:1f00aa", Revision("1f00aa", 1, is_dirty=is_dirty)
    )


def test_what_a_commit_has_may_be_pushed() -> None:
    """All of it, and nothing else lies in the folders."""
    _check_committed(order(is_dirty=False), SourceFiles(("service/flygate_service/app.py",)))


def test_a_new_file_is_refused_by_name() -> None:
    """Another checkout of this commit would make another image."""
    sources = SourceFiles(
        ("service/flygate_service/app.py", "service/new.py"), untracked=("service/new.py",)
    )

    with pytest.raises(ImageError, match=r"be built again: service/new\.py is not in git\. Commit"):
        _check_committed(order(is_dirty=True), sources)


def test_a_change_is_refused() -> None:
    """As before: the tag would name a commit that does not have it."""
    with pytest.raises(
        ImageError, match=r"it could not be built again\. Commit it .*--allow-dirty"
    ):
        _check_committed(order(is_dirty=True), SourceFiles(("service/flygate_service/app.py",)))


def test_an_ignored_file_is_refused_by_name() -> None:
    """It is not in the image, and the service may need it."""
    sources = SourceFiles(
        ("service/flygate_service/app.py",), ignored=("service/local_settings.py",)
    )

    with pytest.raises(ImageError, match=r"Git ignores service/local_settings\.py") as error:
        _check_committed(order(is_dirty=False), sources)
    assert "--allow-dirty" in str(error.value)
