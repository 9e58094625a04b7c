"""`env` in the state folder (0600): where shells and verbs find the daemon, and the token that it
wants. Whoever can read this file may use the local Fly; other users of the computer may not.
"""

import re
import secrets
import shlex
from pathlib import Path

from localfly.state.files import opener

ENVIRONMENT = "env"
BEGINS = "export FLY_API_BASE_URL="
# It has no `fm…` prefix: flyctl would take it for a macaroon.
_OWN = "local_"
_TOKEN = re.compile(r"^export FLY_API_TOKEN=(.+)$", re.MULTILINE)


def read_token(folder: Path) -> str:
    """The token that the daemon of a state folder wants; empty if it has none yet."""
    try:
        text = (folder / ENVIRONMENT).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = _TOKEN.search(text) if text.startswith(BEGINS) else None
    return "".join(shlex.split(found[1])) if found else ""


def authorization(folder: Path) -> dict[str, str]:
    """The header field with which a request to that daemon is let in."""
    token = read_token(folder)
    return {"Authorization": f"Bearer {token}"} if token else {}


def own_token(folder: Path) -> str:
    """The token of before, so that shells which know it go on; a new one if there was none."""
    found = read_token(folder)
    return found if found.startswith(_OWN) else _OWN + secrets.token_urlsafe(32)


def write(folder: Path, api_url: str, dns: str, token: str) -> None:
    """Note them, unless they stand there already: a full disk is no hindrance then.

    Raises:
        OSError: there is no room; what stood there stays.
    """
    values = {
        "FLY_API_BASE_URL": api_url,
        "FLY_FLAPS_BASE_URL": api_url,
        "FLYGATE_DNS": dns,
        "FLY_API_TOKEN": token,
    }
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
    path = folder / ENVIRONMENT
    if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
        return
    scratch = folder / f"{ENVIRONMENT}.new"
    scratch.unlink(missing_ok=True)
    with open(scratch, "w", encoding="utf-8", opener=opener) as file:
        file.write(text)
    scratch.replace(path)
