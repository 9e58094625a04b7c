"""What a build sees: the Dockerfile, the pins and the sources, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from flygate.images.build_context import BuildContext
from flygate.system.errors import ImageError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with more in it than belongs into an image."""
    for name in (
        "Dockerfile",
        "Pulumi.prod.yaml",
        ".flygate/passphrase",
        "requirements/service.txt",
        "requirements/dev.txt",
        "service/flygate_service/app.py",
        "service/.env",
        "service/__pycache__/main.cpython-311.pyc",
        "shop/web.py",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def test_a_build_sees_what_it_needs_and_no_secret(root: Path) -> None:
    """The folders are those of flygate:source; afterwards nothing is left."""
    with BuildContext(root, ("service", "shop")).laid_out() as folder:
        found = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}

    files = {
        "Dockerfile",
        "requirements/service.txt",
        "service/flygate_service/app.py",
        "shop/web.py",
    }
    assert found == files | {"requirements", "service", "service/flygate_service", "shop"}
    assert not folder.exists()


@pytest.mark.parametrize("name", ["Dockerfile", "requirements/service.txt", "service"])
def test_what_is_missing_is_named(root: Path, name: str) -> None:
    """Before Docker says it in its own way."""
    (root / name).rename(root / "elsewhere")

    with pytest.raises(ImageError, match=name), BuildContext(root, ("service",)).laid_out():
        pass


@pytest.mark.parametrize("folder", ["..", "/etc"])
def test_nothing_outside_of_the_checkout_gets_in(root: Path, folder: str) -> None:
    """Whatever flygate:source says."""
    with pytest.raises(ImageError, match="not below"), BuildContext(root, (folder,)).laid_out():
        pass
