"""The CLI's two companions: Pulumi's own where they can be had, stand-ins only where not."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from scripts.toolchain.checkout import Checkout
from scripts.toolchain.console import Console
from scripts.toolchain.errors import CommandError
from scripts.toolchain.programs import run
from scripts.toolchain.pulumi_cli import PulumiCli

PLUGIN = "1.2.1"
_LANGUAGE_HOST = "pulumi-language-python"
_COMMAND_PLUGIN = "pulumi-resource-command"
_DOWNLOAD_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Companions:
    """Which of the two are stand-ins."""

    stand_ins: tuple[str, ...]

    def describe(self) -> str:
        if not self.stand_ins:
            return "its own companions"
        return f"stand-in{'s' * (len(self.stand_ins) > 1)} for {' and '.join(self.stand_ins)}"


def ensure(checkout: Checkout, cli: PulumiCli, console: Console) -> Companions:
    """Decide about both and put what is missing into the toolchain's folder."""
    stand_ins = tuple(_missing(checkout, cli, console))
    for name in (_LANGUAGE_HOST, _COMMAND_PLUGIN):
        (checkout.bin / name).unlink(missing_ok=True)
    for name in stand_ins:
        # Relative: the link stays true when the checkout moves.
        target = os.path.relpath(checkout.stand_ins / name, checkout.bin)
        (checkout.bin / name).symlink_to(target)
        console.say(
            f"{name}: the stand-in in scripts/toolchain/standins, as Pulumi's own can't be had"
        )
    return Companions(stand_ins)


def _missing(checkout: Checkout, cli: PulumiCli, console: Console) -> list[str]:
    """The companions that can't be had.

    An installation without its language host was built from the Go module because Pulumi's
    servers can't be reached: the plugin can't be downloaded either, and trying takes a minute.
    """
    has_host = _has_language_host(checkout, cli)
    missing = [] if has_host else [_LANGUAGE_HOST]
    if not (_has_plugin(checkout) or (has_host and _install_plugin(cli, console))):
        missing.append(_COMMAND_PLUGIN)
    return missing


def _has_language_host(checkout: Checkout, cli: PulumiCli) -> bool:
    beside = cli.path.resolve().parent / _LANGUAGE_HOST
    return beside.exists() or _on_path(checkout, _LANGUAGE_HOST)


def _has_plugin(checkout: Checkout) -> bool:
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    installed = home / "plugins" / f"resource-command-v{PLUGIN}" / _COMMAND_PLUGIN
    return installed.exists() or _on_path(checkout, _COMMAND_PLUGIN)


def _install_plugin(cli: PulumiCli, console: Console) -> bool:
    command: list[str | Path] = [cli.path, "plugin", "install", "resource", "command", f"v{PLUGIN}"]
    try:
        with console.step(f"Install Pulumi's command plugin {PLUGIN}"):
            run("Installing the plugin", command, _QUIET, timeout_seconds=_DOWNLOAD_SECONDS)
    except CommandError as exc:
        console.say(f"  {exc.reason}")
        return False
    return True


_QUIET = {"PULUMI_SKIP_UPDATE_CHECK": "true"}


def _on_path(checkout: Checkout, name: str) -> bool:
    folders = os.environ.get("PATH", "").split(os.pathsep)
    own = [folder for folder in folders if folder and Path(folder).resolve() != checkout.bin]
    found = shutil.which(name, path=os.pathsep.join(own))
    return found is not None and Path(found).resolve().parent != checkout.stand_ins
