"""A Redis image for the tests: the official one, or one made of Debian's packages."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from scripts.toolchain.checkout import Checkout
from scripts.toolchain.console import Console
from scripts.toolchain.docker.deadline import Deadline
from scripts.toolchain.errors import CommandFailed, DockerMissing
from scripts.toolchain.programs import run

OFFICIAL = "redis:7"
MADE_HERE = "flygate-test/redis:debian"  # the tests look for this name, too

# What a server needs of its packages and their dependencies; nothing of them is run on the way.
_NEEDED = ["./usr/bin/redis*", "./usr/lib/*.so*", "./lib/*.so*", "./lib64/*"]


def ensure(checkout: Checkout, console: Console, deadline: Deadline) -> str:
    """Find an image, pull it, or make one; give its name.

    Raises:
        DockerMissing: no image could be had; says what was tried.
    """
    chosen = os.environ.get("FLYGATE_TEST_REDIS_IMAGE")
    names = [chosen] if chosen else [OFFICIAL, MADE_HERE]
    for name in names:
        if _is_present(name, deadline):
            return name
    try:
        run("Pulling it", ["docker", "pull", "--quiet", names[0]], None, deadline.left(40))
    except CommandFailed as error:
        if chosen or shutil.which("apt-get") is None:
            raise DockerMissing(f"{names[0]} can't be pulled: {error.reason}") from error
        with console.step(f"Make {MADE_HERE} of Debian's packages (no registry answers)"):
            _make(deadline)
        return MADE_HERE
    return names[0]


def _is_present(name: str, deadline: Deadline) -> bool:
    try:
        run("Looking", ["docker", "image", "inspect", name], None, deadline.left(20))
    except CommandFailed:
        return False
    return True


def _make(deadline: Deadline) -> None:
    with tempfile.TemporaryDirectory(prefix="flygate-redis-image-") as temporary:
        folder = Path(temporary)
        for package in _download(folder, deadline):
            _unpack(package, folder / "root")
        archive = folder / "image.tar"
        run("Packing the image", ["tar", "-C", folder / "root", "-cf", archive, "."])
        command = ["docker", "import", "--change", 'CMD ["redis-server"]', archive, MADE_HERE]
        run("Importing the image", command, None, deadline.left())


def _download(folder: Path, deadline: Deadline) -> list[Path]:
    """redis-server and all that it depends on, down to libc: apt believes nothing is installed."""
    archives = folder / "archives"
    (archives / "partial").mkdir(parents=True)
    (folder / "status").touch()
    options = [
        f"Dir::State::status={folder / 'status'}",
        f"Dir::Cache::archives={archives}",
        "APT::Sandbox::User=root",
        "Debug::NoLocking=1",
    ]
    command = ["apt-get", *(word for option in options for word in ("-o", option))]
    command += ["install", "--yes", "--download-only", "--no-install-recommends", "redis-server"]
    try:
        run("Downloading redis-server", command, None, deadline.left())
    except CommandFailed:  # the list of packages is missing, or too old
        run("Updating the list of packages", ["apt-get", "update"], None, deadline.left(60))
        run("Downloading redis-server", command, None, deadline.left())
    return sorted(archives.glob("*.deb"))


def _unpack(package: Path, root: Path) -> None:
    root.mkdir(exist_ok=True)
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as files:
        # tar's status says that a package had none of these, which is no failure.
        subprocess.run(
            ["tar", "-x", "-C", root, "--wildcards", "--exclude=*/gconv", *_NEEDED],
            stdin=files.stdout,
            stderr=subprocess.DEVNULL,
            check=False,
        )
