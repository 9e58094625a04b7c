"""`.flygate/env`: what a shell sources so that plain `pulumi` and `flygate` work here."""

import os
import secrets
import shlex
from pathlib import Path

from scripts.toolchain import private
from scripts.toolchain.checkout import Checkout
from scripts.toolchain.pulumi_cli import PulumiCli

# Sourced by bash, dash and zsh, so it can't ask where it lies: the root is written out, and
# written anew by the bootstrap of a moved checkout.
_TEMPLATE = """\
# Made by scripts/bootstrap. Source it:  . {env}
flygate_root={root}
for flygate_folder in {cli} "$flygate_root/.flygate/toolchain/bin" "$flygate_root/.venv/bin" \
"$flygate_root"; do
    case ":$PATH:" in
        *":$flygate_folder:"*) ;;
        *) PATH="$flygate_folder:$PATH" ;;
    esac
done
export PATH
# The local stack: its state and passphrase are in this checkout. PULUMI_CONFIG_PASSPHRASE would
# win over the file.
unset PULUMI_CONFIG_PASSPHRASE
export PULUMI_BACKEND_URL="file://$flygate_root/.flygate/state"
export PULUMI_CONFIG_PASSPHRASE_FILE="$flygate_root/.flygate/passphrase"
export PULUMI_SKIP_UPDATE_CHECK=true
# Where the local Fly listens: written by `flygate up`.
if [ -f "$flygate_root/.flygate/local/env" ]; then
    . "$flygate_root/.flygate/local/env"
fi
unset flygate_root flygate_folder
"""


def write(checkout: Checkout, cli: PulumiCli) -> None:
    """Write the file, readable by its owner alone, and what it points to."""
    private.folder(checkout.flygate / "state")
    _make_passphrase(checkout.flygate / "passphrase")
    env = checkout.flygate / "env"
    text = _TEMPLATE.format(
        env=shlex.quote(str(env)),
        root=shlex.quote(str(checkout.root)),
        cli=shlex.quote(str(cli.path.resolve().parent)),
    )
    _write_private(env.with_name("env.new"), text).replace(env)


def _make_passphrase(path: Path) -> None:
    """Once: the stack's secrets can't be read without it."""
    if not path.exists():
        new = _write_private(path.with_name("passphrase.new"), f"{secrets.token_urlsafe(32)}\n")
        new.replace(path)


def _write_private(path: Path, text: str) -> Path:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return path
