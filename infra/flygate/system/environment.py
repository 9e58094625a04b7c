"""Environment variables for other programs that Flygate starts: hooks, git, docker.

They inherit the user's variables, and none of Flygate's: the token of Fly, Pulumi's tokens and
passphrases, and what Pulumi and Flygate hand over to each other, with all secrets in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_OURS = re.compile(r"FLY_\w*TOKEN|FLYGATE_\w*|PULUMI_\w*")
# All secrets of the stack, and of its former releases: for no program, even if it is named.
NEVER = re.compile(r"FLYGATE_(?:SECRETS|RESTORED)\w*|PULUMI_COMMAND_\w*")


def for_others(variables: Mapping[str, str], named: Iterable[str] = ()) -> dict[str, str]:
    """Return the variables that another program gets.

    Args:
        named: those of Flygate's that it gets nevertheless.
    """
    granted = {name for name in named if not NEVER.fullmatch(name)}
    return {
        name: value
        for name, value in variables.items()
        if name in granted or not _OURS.fullmatch(name)
    }
