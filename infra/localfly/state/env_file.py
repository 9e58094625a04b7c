"""`env` in the state folder (0600): how shells and `flygate` find the daemon, and its token. A user
who can read this file may use the local Fly; other users of the computer may not.
"""

import re
import secrets
import shlex
from pathlib import Path
from typing import Final

from localfly.state.files import opener

ENVIRONMENT: Final = "env"
BEGINS: Final = "export FLY_API_BASE_URL="
# It has no `fm…` prefix: flyctl would take it for a macaroon.
_OWN: Final = "local_"
_TOKEN: Final = re.compile(r"^export FLY_API_TOKEN=(.+)$", re.MULTILINE)


def read_token(folder: Path) -> str:
    """Return the token of a state folder's daemon; empty if it has none yet."""
    try:
        text = (folder / ENVIRONMENT).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = _TOKEN.search(text) if text.startswith(BEGINS) else None
    return "".join(shlex.split(found[1])) if found else ""


def authorization(folder: Path) -> dict[str, str]:
    """Return the header field that authorizes a request to that daemon."""
    token = read_token(folder)
    return {"Authorization": f"Bearer {token}"} if token else {}


def own_token(folder: Path) -> str:
    """Return the present token, so that shells which have it go on; a new one if there is none."""
    found = read_token(folder)
    return found if found.startswith(_OWN) else _OWN + secrets.token_urlsafe(32)


def write(folder: Path, api_url: str, dns: str, token: str) -> None:
    """Write the values, unless the file has them: then a full disk is no problem.

    Raises:
        OSError: the disk is full; the file is as it was.
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
