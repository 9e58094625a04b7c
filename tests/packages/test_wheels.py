"""The wheels: built, installed beside a user's own packages `service` and `infra`, and used."""

from __future__ import annotations

import ast
import os
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
OWN = {
    "flygate": ["flygate"],
    "flygate_limiter": ["flygate-limiter"],
    "flygate_service": ["flygate-service"],
    "flygate_wire": ["flygate-wire"],
    "localfly": ["flygate-localfly"],
}
DECOYS = ("infra", "service")


@dataclass(frozen=True, slots=True)
class Package:
    """One distribution.

    Attributes:
        folder: with its pyproject.toml.
        source: the folder that becomes the package.
        project: the table `project` of its pyproject.toml.
    """

    folder: Path
    source: Path
    project: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Package:
        """Read a pyproject.toml."""
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        [source] = found["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
        return cls(path.parent, (path.parent / source).resolve(), found["project"])

    @property
    def name(self) -> str:
        """The name to import."""
        return self.source.name

    def files(self) -> set[str]:
        """All that a checkout has of it, from the package's folder on."""
        command = ["git", "ls-files", "-co", "--exclude-standard", "--", str(self.source)]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        home = self.source.parent.relative_to(ROOT)
        return {
            str(Path(line).relative_to(home))
            for line in listed.stdout.splitlines()
            if (ROOT / line).exists()
        }

    def needs(self) -> set[str]:
        """The distributions that its modules import, in lower case; ours, too."""
        names = {
            name.partition(".")[0]
            for path in self.source.rglob("*.py")
            for name in _imported(ast.parse(path.read_text(encoding="utf-8")))
        }
        known = {**packages_distributions(), **OWN}
        return {
            one.lower().replace("_", "-")
            for name in names - set(sys.stdlib_module_names) - {self.name}
            for one in known[name]
        }


# A package that is not written yet has a pyproject.toml already.
PACKAGES = [
    package
    for path in sorted((ROOT / "packages").glob("*/pyproject.toml"))
    if (package := Package.read(path)).source.is_dir()
]
EACH = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.folder.name)


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All of them, by the name of their package."""
    folder = tmp_path_factory.mktemp("wheels")

    def build(package: Package) -> tuple[str, Path]:
        target = folder / package.name
        command = [sys.executable, "-P", "-m", "hatchling", "build", "-t", "wheel"]
        subprocess.run([*command, "-d", target], cwd=package.folder, check=True)
        [wheel] = target.glob("*.whl")
        return package.name, wheel

    with ThreadPoolExecutor(2) as pool:
        return dict(pool.map(build, PACKAGES))


@pytest.fixture(scope="module")
def python(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the wheels, their dependencies, and two packages of the user's."""
    venv = tmp_path_factory.mktemp("user") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    [packages] = venv.glob("lib/python*/site-packages")
    for name in DECOYS:
        (packages / name).mkdir()
        (packages / name / "__init__.py").write_text("OWNER = 'the user'\n")
    # Not the folder's own .pth files, which would lead into the checkout.
    [ours] = (Path(sys.prefix) / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(f"{ours}\n")
    python = venv / "bin" / "python"
    links = [f"--find-links={wheel.parent}" for wheel in wheels.values()]
    names = [package.project["name"] for package in PACKAGES]
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    install = ["install", "--quiet", "--no-index", "--no-compile", *links]
    subprocess.run([*pip, *install, *names], check=True, env=_environment())
    return python


def _environment() -> dict[str, str]:
    """The environment without what would lead into the checkout."""
    own = ("PYTHON", "PIP", "PULUMI", "FLY", "SERVICE", "RATE_LIMIT")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


def run(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder."""
    return subprocess.run(
        words, cwd=folder, env=_environment(), capture_output=True, text=True, check=False
    )


@EACH
def test_a_wheel_has_all_of_its_package_and_nothing_else(
    package: Package, wheels: dict[str, Path]
) -> None:
    """Lua, GraphQL and the page, too: the code reads them."""
    with zipfile.ZipFile(wheels[package.name]) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert names == package.files()


@EACH
def test_a_package_declares_what_it_imports(package: Package) -> None:
    """No more than that is installed with it."""
    declared = [*package.project["dependencies"]]
    for extra in package.project.get("optional-dependencies", {}).values():
        declared += extra
    names = {re.split(r"[=\[ ]", word)[0].lower() for word in declared}

    # uvicorn loads these by their names.
    assert names - {"uvloop", "websockets"} == package.needs() - {"uvloop"}


def test_all_have_one_version() -> None:
    """They are released together, and need each other by that version."""
    root = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    for package in PACKAGES:
        assert package.project["version"] == root["version"]
        for word in package.project["dependencies"]:
            assert not word.startswith("flygate") or word.endswith(f"=={root['version']}")


def test_the_limiter_is_imported_beside_a_user_s_own_service_and_infra(
    python: Path, tmp_path: Path
) -> None:
    """No generic name is taken from the user."""
    program = (
        "import flygate_limiter, infra, service;"
        "print(infra.OWNER, service.OWNER, flygate_limiter.__file__)"
    )
    done = run(tmp_path, python, "-c", program)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("the user the user ")
    assert str(ROOT) not in done.stdout


def test_the_command_works_outside_of_a_checkout(python: Path, tmp_path: Path) -> None:
    """Help needs no project; a verb that does says where it looked, and what to do."""
    flygate = python.with_name("flygate")

    helped = run(tmp_path, flygate, "--help")
    refused = [run(tmp_path, flygate, verb) for verb in ("status", "up")]
    refused.append(run(tmp_path, flygate, "local", "status"))

    assert helped.returncode == 0, helped.stderr
    assert "rollback" in helped.stdout
    for done in refused:
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: There is no Pulumi.yaml in {tmp_path} or above it.")


def test_the_command_finds_the_project_above(python: Path, tmp_path: Path) -> None:
    """As Pulumi does."""
    (tmp_path / "Pulumi.yaml").write_text("name: flygate\nruntime: python\n")
    (tmp_path / "deep" / "er").mkdir(parents=True)

    done = run(tmp_path / "deep" / "er", python.with_name("flygate"), "status")

    assert (done.returncode, "not set up" in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize("module", ["flygate.cli", "localfly"])
def test_a_module_is_run_by_its_name(module: str, python: Path, tmp_path: Path) -> None:
    """`python -m …`, as the parts of Flygate call each other."""
    done = run(tmp_path, python, "-m", module, "--help")

    assert done.returncode == 0, done.stderr


def test_the_service_serves(python: Path, tmp_path: Path) -> None:
    """`python -m flygate_service` answers, limits, and ends at SIGTERM."""
    ports = []
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
            ports.append(str(each.getsockname()[1]))
    settings = {"HOST": "127.0.0.1", "PORT": ports[0], "METRICS_PORT": ports[1]}
    process = subprocess.Popen(
        [python, "-m", "flygate_service"],
        cwd=tmp_path,
        env=_environment() | settings,
        stdout=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{ports[0]}"
        assert _answer(f"{url}/health").status_code == 200
        assert "ratelimit" in _answer(f"{url}/").headers
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)
    assert code == 0


def _answer(url: str) -> httpx.Response:
    """Ask until the service listens."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return httpx.get(url, trust_env=False)
        except httpx.ConnectError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
