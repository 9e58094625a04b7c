"""The image: the same files are the same digest, anywhere."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from pathlib import Path

import pytest
from flygate.images import packed_image
from flygate.system.errors import ImageError


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small source tree."""
    root = tmp_path / "first"
    write(root / "service" / "flygate_service" / "__main__.py", "print('hello')\n")
    write(root / "service" / "flygate_service" / "routes" / "health.py", "OK = 200\n")
    write(root / "shop.py", "app = None\n")
    return root


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def members(packed: packed_image.PackedImage) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(packed.archive)) as tar:
        return {member.name: member for member in tar}


def test_two_copies_at_other_paths_and_times_give_the_same_digest(
    checkout: Path, tmp_path: Path
) -> None:
    """A second `pulumi up` from another checkout must show no change."""
    copy = tmp_path / "elsewhere" / "second"
    shutil.copytree(checkout, copy)
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
    (copy / "shop.py").chmod(0o600)

    assert packed_image.pack(copy, ["shop.py", "service"]) == packed_image.pack(
        checkout, ["service", "shop.py"]
    )


def test_the_digest_is_of_the_archive_and_follows_the_content(checkout: Path) -> None:
    """A changed byte gives a new name."""
    before = packed_image.pack(checkout, ["service"])
    write(checkout / "service" / "flygate_service" / "routes" / "health.py", "OK = 204\n")
    after = packed_image.pack(checkout, ["service"])

    assert before.digest == f"sha256:{hashlib.sha256(before.archive).hexdigest()}"
    assert after.digest != before.digest


def test_the_archive_says_what_to_run_and_holds_nothing_of_this_machine(checkout: Path) -> None:
    """`packed_image.json` at the root; no owner, no time, sorted names."""
    packed = packed_image.pack(checkout, ["service"], command=["python", "-m", "shop"])

    found = members(packed)
    assert list(found) == [
        "image.json",
        "service/flygate_service/__main__.py",
        "service/flygate_service/routes/health.py",
    ]
    assert {(m.mtime, m.uid, m.gid, m.uname) for m in found.values()} == {(0, 0, 0, "")}
    with tarfile.open(fileobj=io.BytesIO(packed.archive)) as tar:
        description = tar.extractfile("image.json")
        assert description is not None
        assert json.load(description) == {
            "cmd": ["python", "-m", "shop"],
            "env": {"PYTHONPATH": ".:service:wire"},
        }


def test_caches_and_hidden_files_are_left_out(checkout: Path) -> None:
    """Running the tests in a checkout must not change its image."""
    before = packed_image.pack(checkout, ["service"])
    write(checkout / "service" / "__pycache__" / "x.cpython-311.pyc", "bytes")
    write(checkout / "service" / "old.pyc", "bytes")
    write(checkout / "service" / ".env", "SECRET=canary")
    write(checkout / "service" / ".git" / "config", "x")

    assert packed_image.pack(checkout, ["service"]) == before


def test_the_executable_bit_is_part_of_the_image(checkout: Path) -> None:
    """A script that could run before can run in the machine."""
    (checkout / "shop.py").chmod(0o755)

    found = members(packed_image.pack(checkout, ["shop.py"]))

    assert found["shop.py"].mode == 0o755
    assert found["image.json"].mode == 0o644


@pytest.mark.parametrize("place", ["service/link.py", "service/linked"])
def test_a_link_is_refused_by_name(checkout: Path, place: str) -> None:
    """A link would lead to another file, or nowhere, on another machine."""
    (checkout / place).symlink_to(checkout / ("shop.py" if place.endswith("py") else "."))

    with pytest.raises(ImageError, match=f"{place} is a link"):
        packed_image.pack(checkout, ["service"])


def test_links_of_hidden_folders_do_not_matter(checkout: Path) -> None:
    """A virtual environment is full of links, and is left out anyway."""
    before = packed_image.pack(checkout, ["service"])
    (checkout / "service" / ".venv").mkdir()
    (checkout / "service" / ".venv" / "python").symlink_to("/usr/bin/python3")

    assert packed_image.pack(checkout, ["service"]) == before


@pytest.mark.parametrize("folder", ["../first/service", "/etc", "service/../../other"])
def test_a_folder_outside_of_the_checkout_is_refused(checkout: Path, folder: str) -> None:
    """An image is made of the checkout alone."""
    with pytest.raises(ImageError, match="not below the checkout"):
        packed_image.pack(checkout, [folder])


def test_a_missing_folder_is_named(checkout: Path) -> None:
    """A misspelt `flygate:source` says so."""
    with pytest.raises(ImageError, match=r"'servcie' does not exist. Check flygate:source"):
        packed_image.pack(checkout, ["servcie"])


def test_a_reference_names_app_and_digest(checkout: Path) -> None:
    """The machine config's `image` can be split again."""
    packed = packed_image.pack(checkout, ["service"])

    assert packed.reference("shop") == f"registry.fly.io/shop@{packed.digest}"
    assert packed_image.digest_of(packed.reference("shop")) == packed.digest
    assert packed_image.digest_of(f"registry.fly.io/shop:v1@{packed.digest}") == packed.digest


def test_long_paths_can_be_packed(checkout: Path) -> None:
    """A deep tree with long names is packed as well as a short one."""
    deep = "/".join(["service", *["a_rather_long_folder_name"] * 5, "a" * 90 + ".py"])
    write(checkout / deep, "x")

    assert deep in members(packed_image.pack(checkout, ["service"]))


def test_names_beyond_ascii_and_very_long_ones_are_packed(checkout: Path) -> None:
    """What a checkout may hold, an image may hold."""
    names = ["service/größe.py", "service/" + "b" * 150 + ".py"]
    for name in names:
        write(checkout / name, "x")

    assert set(names) <= set(members(packed_image.pack(checkout, ["service"])))
