"""The programs that a deployment runs: Python, the Pulumi CLI and its two companions, flyctl."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from flygate.doctor.facts import Facts
from flygate.doctor.finding import Finding, broken, ok, skipped, warning

# Those of scripts/toolchain; a test holds them together.
PYTHON_LEAST = (3, 11)
PULUMI_LEAST = "3.259.0"
PLUGIN = "1.2.1"

_COMPANIONS = ("pulumi-language-python", "pulumi-resource-command")
_BOOTSTRAP = "scripts/bootstrap"
_SECONDS = 10


async def examine(facts: Facts) -> Sequence[Finding]:
    """Check that they are there, and new enough."""
    return await asyncio.to_thread(_examine, facts)


def _examine(facts: Facts) -> list[Finding]:
    path = facts.environment.get("PATH", "")
    return [
        _python(),
        judge_pulumi(_output(path, "pulumi", "version")),
        _companions(path, facts),
        judge_flyctl(_output(path, "fly", "version") or _output(path, "flyctl", "version")),
    ]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON_LEAST:
        return broken(f"Python {version} is too old", f"PYTHON=/path/to/python3.12 {_BOOTSTRAP}")
    return ok(f"Python {version}")


def judge_pulumi(output: str | None) -> Finding:
    """Judge the CLI by what `pulumi version` prints; None if there is none."""
    if output is None:
        return broken("there is no pulumi on the PATH", f"{_BOOTSTRAP}, then . .flygate/env")
    version = output.strip().removeprefix("v")
    if _numbers(version) < _numbers(PULUMI_LEAST):
        return broken(f"pulumi {version} is older than {PULUMI_LEAST}", _BOOTSTRAP)
    return ok(f"pulumi {version}")


def judge_flyctl(output: str | None) -> Finding:
    """Judge flyctl, a convenience: Flygate itself never calls it."""
    if output is None:
        return skipped("flyctl is not installed; only `fly logs` and the like want it")
    version = re.search(r"v?(\d+\.\d+\.\d+)", output)
    return ok(f"flyctl {version[1]}" if version else "flyctl")


def _companions(path: str, facts: Facts) -> Finding:
    own_folder = facts.root / ".flygate" / "toolchain" / "bin"
    stand_ins = [name for name in _COMPANIONS if (own_folder / name).exists()]
    if stand_ins and not facts.is_on_local_fly:
        return warning(
            f"{' and '.join(stand_ins)}: stand-ins, made for tests",
            "install Pulumi (https://www.pulumi.com/docs/install), then scripts/bootstrap",
        )
    if stand_ins:
        return ok(f"stand-ins for {' and '.join(stand_ins)}")
    missing = [name for name in _COMPANIONS if not _has(name, path, facts)]
    if missing:
        return broken(f"{' and '.join(missing)} can't be found", _BOOTSTRAP)
    return ok("Pulumi's own language host and command plugin")


def _has(name: str, path: str, facts: Facts) -> bool:
    home = facts.environment.get("PULUMI_HOME") or Path.home() / ".pulumi"
    plugin = Path(home) / "plugins" / f"resource-command-v{PLUGIN}" / name
    pulumi = shutil.which("pulumi", path=path)
    beside = Path(pulumi).resolve().parent / name if pulumi else plugin
    return bool(shutil.which(name, path=path)) or beside.exists() or plugin.exists()


def _output(path: str, program: str, *arguments: str) -> str | None:
    """Return what a program prints; None if there is none."""
    found = shutil.which(program, path=path)
    if found is None:
        return None
    try:
        process = subprocess.run(
            [found, *arguments], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return process.stdout


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
