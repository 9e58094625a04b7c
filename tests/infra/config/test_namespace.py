"""Keys under a misspelt project's name."""

from __future__ import annotations

import pytest
from flygate.config import namespace
from flygate.system.errors import ConfigError


@pytest.mark.parametrize("key", ["flygte:phase", "Flygate:regions", "flygates:secrets"])
def test_a_key_that_would_be_ignored_is_refused(key: str) -> None:
    """Or its default would be a surprise."""
    name = key.partition(":")[2]

    with pytest.raises(ConfigError) as error:
        namespace.check(["flygate:app", key])

    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{key} is of no project")
    assert f"Did you mean flygate:{name}?" in line
    assert f"`pulumi config rm {key}`" in line


def test_other_projects_are_left_alone() -> None:
    """Pulumi's own keys, those of providers, and those of a program of the user's own."""
    namespace.check(["flygate:app", "pulumi:tags", "command:x", "aws:region", "flygates:colour"])
