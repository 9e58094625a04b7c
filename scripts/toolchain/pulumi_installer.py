"""Pulumi's own installer, into a folder of our cache: the user's installation is not touched."""

import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from scripts.toolchain.console import Console
from scripts.toolchain.errors import CommandError
from scripts.toolchain.programs import run

INSTALLER = "https://get.pulumi.com/install.sh"
# Where only registries can be reached this must fail fast; behind a slow line it must not.
_REACH_SECONDS = 8
_INSTALL_SECONDS = 900


def install(version: str, folder: Path, console: Console, installer: str = INSTALLER) -> None:
    """Install `version` with its companions as `folder`/bin.

    Raises:
        CommandError: the installer can't be reached, or failed.
    """
    with tempfile.TemporaryDirectory() as temporary:
        script = Path(temporary) / "install.sh"
        script.write_bytes(_download(installer))
        options: list[str | Path] = [
            "--version",
            version,
            "--install-root",
            folder,
            "--no-edit-path",
        ]
        with console.step(f"Install the Pulumi CLI {version} with Pulumi's installer"):
            run(
                "Pulumi's installer",
                ["sh", script, *options],
                timeout_seconds=_INSTALL_SECONDS,
            )


def _download(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_REACH_SECONDS) as answer:  # noqa: S310
            content: bytes = answer.read()
    except (urllib.error.URLError, OSError) as exc:
        reason = getattr(exc, "reason", exc)
        raise CommandError("Pulumi's installer", url, "no answer", str(reason)) from exc
    return content
