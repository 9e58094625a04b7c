"""The virtual environment: made aside, filled from pinned and hashed requirements, movable."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from scripts.toolchain.checkout import Checkout
from scripts.toolchain.console import Console
from scripts.toolchain.errors import CommandError, PythonIncompleteError
from scripts.toolchain.programs import run

_MADE_FOR = "flygate-made-for"  # in the venv: where it was when its scripts were last right


def ensure(checkout: Checkout, console: Console) -> None:
    """Make `.venv` what the requirements say, wherever the checkout now is."""
    if not _is_usable(checkout):
        with console.step(f"Make .venv with Python {_version()}"):
            _make(checkout)
    with console.step("Install the pinned dependencies"):
        _install(checkout)
        _put_on_path(checkout)
    _mend(checkout, console)


def _is_usable(checkout: Checkout) -> bool:
    """Whether a whole venv of this Python is there. A half-made one never gets the name."""
    if not checkout.python.exists():
        return False
    site_packages = _site_packages(checkout.venv)
    return site_packages.is_dir() and (site_packages / "pip").is_dir()


def _make(checkout: Checkout) -> None:
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            raise PythonIncompleteError(sys.executable, module)
    building = checkout.flygate / "building" / "venv"
    shutil.rmtree(building, ignore_errors=True)
    building.parent.mkdir(parents=True, exist_ok=True)
    try:
        run("Making a virtual environment", [sys.executable, "-m", "venv", building])
        _write_whole(building / _MADE_FOR, str(building))
        shutil.rmtree(checkout.venv, ignore_errors=True)
        building.rename(checkout.venv)
    finally:
        shutil.rmtree(building.parent, ignore_errors=True)


def _install(checkout: Checkout) -> None:
    """Install by uv, which takes a second; by pip where uv has no build for the platform."""
    bootstrap, dev = checkout.requirements("bootstrap"), checkout.requirements("dev")
    pip: list[str | Path] = [
        checkout.python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--require-hashes",
    ]
    quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    try:
        if not _has_pinned_uv(checkout):
            run("Installing uv", [*pip, "-r", bootstrap], quiet)
        uv: list[str | Path] = [
            checkout.venv / "bin" / "uv",
            "pip",
            "sync",
            "--quiet",
            "--require-hashes",
            # Once here, not at each start of each process where PYTHONDONTWRITEBYTECODE is set.
            "--compile-bytecode",
        ]
        run("Installing by uv", [*uv, "--python", checkout.python, bootstrap, dev], _like_pip())
    except CommandError:
        run("Installing the dependencies", [*pip, "-r", dev], quiet)


def _has_pinned_uv(checkout: Checkout) -> bool:
    version = checkout.requirements("bootstrap").read_text().partition("uv==")[2].split()[0]
    return (_site_packages(checkout.venv) / f"uv-{version}.dist-info").is_dir()


def _like_pip() -> dict[str, str]:
    """Return for uv what the environment has for pip: an index, certificates."""
    names = {
        "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
        "PIP_EXTRA_INDEX_URL": "UV_INDEX",
        "PIP_FIND_LINKS": "UV_FIND_LINKS",
        "PIP_CERT": "SSL_CERT_FILE",
    }
    return {
        uv: os.environ[pip]
        for pip, uv in names.items()
        if pip in os.environ and uv not in os.environ
    }


def _put_on_path(checkout: Checkout) -> None:
    """Make the packages importable by relative lines: they stay true when the folder moves."""
    homes = "".join(f"../../../../{home}\n" for home in ("infra", "service", "wire", ""))
    (_site_packages(checkout.venv) / "flygate.pth").write_text(homes)


def _mend(checkout: Checkout, console: Console) -> None:
    """Console scripts name their Python by its absolute path: correct it after a move."""
    marker = checkout.venv / _MADE_FOR
    former = marker.read_text() if marker.exists() else str(checkout.venv)
    if former != str(checkout.venv):
        for script in (checkout.venv / "bin").iterdir():
            _correct(script, former.encode(), str(checkout.venv).encode())
        if Path(former).parent.name != "building":
            console.say(f"The checkout has moved from {Path(former).parent}: scripts corrected")
    _write_whole(marker, str(checkout.venv))


def _correct(script: Path, former: bytes, now: bytes) -> None:
    if script.is_symlink() or not script.is_file():
        return
    content = script.read_bytes()
    if b"\0" in content[:1024] or former not in content:
        return  # a binary, or right already
    new = script.with_name(f"{script.name}.new")
    new.write_bytes(content.replace(former, now))
    shutil.copymode(script, new)
    new.replace(script)


def _write_whole(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_text(text)
    new.replace(path)


def _site_packages(venv: Path) -> Path:
    return venv / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"


def _version() -> str:
    return ".".join(map(str, sys.version_info[:3]))
