"""Keys under a misspelt project's name, which Pulumi hands over and no program reads."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from flygate.config.refusal import PROJECT
from flygate.config.stack import StackConfig
from flygate.system.errors import ConfigError

# One letter more, less or other.
_ALIKE = 0.8


def check(keys: Iterable[str]) -> None:
    """Check the keys of all projects, as Pulumi writes them: `flygate:phase`.

    Raises:
        ConfigError: names each that would be ignored, and what was meant.
    """
    lines = [
        f"{key} is of no project that there is, so it would be ignored. Did you mean "
        f"{PROJECT}:{name}? Set that, and remove this one: `pulumi config rm {key}`."
        for key in sorted(keys)
        for project, _, name in [key.partition(":")]
        if _is_misspelt(project) and name in {*StackConfig.model_fields, "secrets"}
    ]
    if lines:
        raise ConfigError("\n".join(lines))


def _is_misspelt(project: str) -> bool:
    near = difflib.get_close_matches(project.lower(), [PROJECT], cutoff=_ALIKE)
    return project != PROJECT and bool(near)
