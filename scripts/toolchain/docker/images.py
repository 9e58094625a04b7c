"""Images for the tests: the official ones, or some made of Debian's packages."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from scripts.toolchain.console import Console
from scripts.toolchain.docker.deadline import Deadline
from scripts.toolchain.errors import CommandError, DockerMissingError
from scripts.toolchain.programs import run

# This computer's own, since what it trusts may be more than Debian does (a company's proxy).
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_LEFT_OUT = ["./usr/share/doc", "./usr/share/locale", "./usr/share/man", "*/gconv"]


@dataclass(frozen=True, slots=True)
class TestImage:
    """An image that the tests look for under both names.

    Attributes:
        variable: of the environment; names another one to use.
        packages: what it is made of where no registry answers.
        changes: what `docker import` notes in it then.
    """

    official: str
    made_here: str
    variable: str
    packages: tuple[str, ...]
    changes: tuple[str, ...]


REDIS = TestImage(
    "redis:7",
    "flygate-test/redis:debian",
    "FLYGATE_TEST_REDIS_IMAGE",
    ("redis-server",),
    ('CMD ["redis-server"]',),
)
# The base of the service's image: the Dockerfile's own, or Debian's Python with a shell.
PYTHON = TestImage(
    "python:3.11-slim-bookworm",
    "flygate-test/python:debian",
    "FLYGATE_TEST_PYTHON_IMAGE",
    ("python3-pip", "dash", "coreutils", "findutils"),
    ("ENV PATH=/usr/local/bin:/usr/bin:/bin", 'CMD ["python3"]'),
)
REGISTRY = TestImage(
    "registry:2",
    "flygate-test/registry:debian",
    "FLYGATE_TEST_REGISTRY_IMAGE",
    ("docker-registry",),
    ('ENTRYPOINT ["docker-registry", "serve"]', 'CMD ["/etc/docker/registry/config.yml"]'),
)


def ensure(image: TestImage, console: Console, deadline: Deadline) -> str:
    """Find an image, pull it, or make one; give its name.

    Raises:
        DockerMissingError: no image could be had; says what was tried.
        CommandError: making one failed.
    """
    chosen = os.environ.get(image.variable)
    names = [chosen] if chosen else [image.official, image.made_here]
    for name in names:
        if _is_present(name, deadline):
            return name
    try:
        run("Pulling it", ["docker", "pull", "--quiet", names[0]], None, deadline.left(40))
    except CommandError as exc:
        if chosen or shutil.which("apt-get") is None:
            raise DockerMissingError(f"{names[0]} can't be pulled: {exc.reason}") from exc
        with console.step(f"Make {image.made_here} of Debian's packages (no registry answers)"):
            _make(image, deadline)
        return image.made_here
    return names[0]


def _is_present(name: str, deadline: Deadline) -> bool:
    try:
        run("Looking", ["docker", "image", "inspect", name], None, deadline.left(20))
    except CommandError:
        return False
    return True


def _make(image: TestImage, deadline: Deadline) -> None:
    with tempfile.TemporaryDirectory(prefix="flygate-test-image-") as temporary:
        folder = Path(temporary)
        root = _bare_root(folder)
        for package in _download(folder, image.packages, deadline):
            _unpack(package, root)
        if _CERTIFICATES.exists():
            shutil.copy(_CERTIFICATES, root / "etc" / "ssl" / "certs")
        archive = folder / "image.tar"
        run("Packing the image", ["tar", "-C", root, "-cf", archive, "."])
        changes = [word for change in image.changes for word in ("--change", change)]
        command = ["docker", "import", *changes, archive, image.made_here]
        run("Importing the image", command, None, deadline.left())


def _bare_root(folder: Path) -> Path:
    """What Debian's installer, and no package, makes."""
    root = folder / "root"
    for name in ("bin", "lib", "lib64", "sbin"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    (root / "etc" / "ssl" / "certs").mkdir(parents=True)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    return root


def _download(folder: Path, packages: tuple[str, ...], deadline: Deadline) -> list[Path]:
    """Packages and all that they depend on, down to libc: apt believes nothing is installed."""
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
    command += ["install", "--yes", "--download-only", "--no-install-recommends", *packages]
    what = f"Downloading {packages[0]}"
    try:
        run(what, command, None, deadline.left())
    except CommandError:  # the list of packages is missing, or too old
        run("Updating the list of packages", ["apt-get", "update"], None, deadline.left(60))
        run(what, command, None, deadline.left())
    return sorted(archives.glob("*.deb"))


def _unpack(package: Path, root: Path) -> None:
    """Its files; none of its scripts is run."""
    left_out = [f"--exclude={pattern}" for pattern in _LEFT_OUT]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as files:
        # tar's status may say that a file was there already, which is no failure.
        subprocess.run(
            ["tar", "-x", "-C", root, "--keep-directory-symlink", *left_out],
            stdin=files.stdout,
            stderr=subprocess.DEVNULL,
            check=False,
        )
