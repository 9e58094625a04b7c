"""`HooksConfig`: what the programs in `hooks/` are given."""

from __future__ import annotations

import re
from typing import Final

from pydantic import field_validator

from flygate.config.section import Section
from flygate.system.environment import NEVER

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class HooksConfig(Section):
    """`flygate:rollout.hooks`.

    Attributes:
        env: names of variables that hooks get in addition: Fly's token, and variables of
            Flygate and Pulumi, are withheld otherwise.
    """

    env: tuple[str, ...] = ()

    @field_validator("env")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not _VARIABLE.fullmatch(name):
                raise ValueError(f"must name environment variables, and {name!r} is no such name")
            if NEVER.fullmatch(name):
                raise ValueError(f"must not name {name}: the secrets of all releases are in it")
        return value
