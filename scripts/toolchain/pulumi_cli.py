"""The Pulumi CLI: the user's own if it is new enough, else a cached, installed or built one."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.toolchain import pulumi_build, pulumi_installer
from scripts.toolchain.checkout import Checkout
from scripts.toolchain.console import Console
from scripts.toolchain.errors import BootstrapError, CommandError, PulumiMissingError
from scripts.toolchain.locks import locked
from scripts.toolchain.programs import run

PINNED = "3.259.0"


@dataclass(frozen=True, slots=True)
class PulumiCli:
    """A Pulumi CLI that works."""

    path: Path
    version: str


def ensure(checkout: Checkout, console: Console) -> PulumiCli:
    """Find a Pulumi CLI, or get one into the cache, and link it into the toolchain's folder.

    Raises:
        PulumiMissingError: nothing worked; says what was tried and what to do.
    """
    rejected: list[tuple[str, str]] = []
    cli = _own(checkout, rejected) or _cached(checkout) or _get(checkout, console, rejected)
    console.say(f"Pulumi CLI {cli.version}: {cli.path}")
    _link(cli, checkout)
    return cli


def _own(checkout: Checkout, rejected: list[tuple[str, str]]) -> PulumiCli | None:
    """The user's own installation, never changed."""
    for path in _candidates(checkout):
        version = _version_of(path)
        if version and _number(version) >= _number(PINNED):
            return PulumiCli(path, version)
        rejected.append((str(path), f"is version {version}" if version else "does not work"))
    if not rejected:
        rejected.append(("pulumi on the PATH", "not found"))
    return None


def _candidates(checkout: Checkout) -> Iterator[Path]:
    folders = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    own = [folder for folder in folders if Path(folder).resolve() != checkout.bin.resolve()]
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / "bin"
    for path in (os.pathsep.join(own), str(home)):
        found = shutil.which("pulumi", path=path)
        if found and not Path(found).resolve().is_relative_to(checkout.cache):
            yield Path(found)


def _cached(checkout: Checkout) -> PulumiCli | None:
    """What a former bootstrap, of any checkout, installed or built."""
    for way in ("installed", "built"):
        path = _cache_folder(checkout, way) / "bin" / "pulumi"
        if path.exists() and _version_of(path) == PINNED:
            return PulumiCli(path, PINNED)
    return None


def _get(checkout: Checkout, console: Console, rejected: list[tuple[str, str]]) -> PulumiCli:
    attempts = list(rejected)
    with locked(checkout.cache / "lock", console):
        if cached := _cached(checkout):
            return cached  # another checkout's bootstrap was faster
        for way, get in _ways(checkout, console):
            try:
                return _into_cache(checkout, way, get)
            except BootstrapError as exc:
                attempts.append((_WAYS[way], getattr(exc, "reason", str(exc))))
    raise PulumiMissingError(PINNED, attempts)


_WAYS = {"installed": "Pulumi's installer", "built": "building the Go module"}


def _ways(checkout: Checkout, console: Console) -> Iterator[tuple[str, Callable[[Path], None]]]:
    yield "installed", lambda folder: pulumi_installer.install(PINNED, folder, console)
    yield "built", lambda folder: pulumi_build.build(PINNED, folder, checkout, console)


def _into_cache(checkout: Checkout, way: str, get: Callable[[Path], None]) -> PulumiCli:
    """Get it aside, try it, and only then give it the name under which it is found."""
    wanted = _cache_folder(checkout, way)
    building = wanted.with_name(f"{wanted.name}.new")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        get(building)
        if _version_of(building / "bin" / "pulumi") != PINNED:
            raise CommandError("Checking the Pulumi CLI", "pulumi version", "another version", "")
        shutil.rmtree(wanted, ignore_errors=True)
        building.rename(wanted)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return PulumiCli(wanted / "bin" / "pulumi", PINNED)


def _cache_folder(checkout: Checkout, way: str) -> Path:
    return checkout.cache / "pulumi" / f"{PINNED}-{way}"


def _version_of(path: Path) -> str | None:
    offline = {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        said = run("Asking for Pulumi's version", [path, "version"], offline, timeout_seconds=30)
    except CommandError:
        return None
    match = re.fullmatch(r"v?(\d+\.\d+\.\d+)(?:[-+].*)?", said.strip())
    return match[1] if match else None


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _link(cli: PulumiCli, checkout: Checkout) -> None:
    checkout.bin.mkdir(parents=True, exist_ok=True)
    new = checkout.bin / "pulumi.new"
    new.unlink(missing_ok=True)
    new.symlink_to(cli.path)
    new.replace(checkout.bin / "pulumi")
