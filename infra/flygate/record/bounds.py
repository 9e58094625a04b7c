"""What a release may weigh. All of it is checked in the preview, and again before the first change.

Fly publishes no limit on the size of a secret, of an environment or of a machine's config (looked
for in its documents, OpenAPI document and flyctl, 2026-11). What is sure is Linux, on both sides:
one variable of a process, name and value, takes 128 KiB at most. The values of a release travel to
the operation in one variable, and the ledger with them comes back in another.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final

from flygate.manifest import Manifest
from flygate.record.ledger import BYTES_MAX, Ledger, Release
from flygate.system.errors import ConfigError

# Linux's MAX_ARG_STRLEN, with the sign between name and value and the end of the text.
VARIABLE_BYTES_MAX: Final = 128 * 1024
# All variables of one process together: Linux allows a quarter of the stack, 2 MiB as a rule.
ENVIRONMENT_BYTES_MAX: Final = 1024 * 1024
# What the ledger's entry will say beside the manifest: who, why, the gates, the machines.
ENTRY_BYTES: Final = 8 * 1024
SECRETS_VARIABLE: Final = "FLYGATE_SECRETS"
# The values of a pinned release, as the stack's own copy of the ledger has them.
RESTORED_VARIABLE: Final = "FLYGATE_RESTORED"
_LARGEST: Final = 3


def check(manifest: Manifest, secrets: Mapping[str, str]) -> None:
    """Refuse what could be rolled out, but not be recorded, handed on or started.

    Args:
        secrets: the values, as far as they are known.

    Raises:
        ConfigError: names the largest values, and what to do.
    """
    _check_variables("env", manifest.env)
    _check_variables("secrets", secrets)
    _check_together(manifest, secrets)
    _check_ledger(manifest, secrets)


def _check_variables(section: str, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        if (size := _size(name, value)) > VARIABLE_BYTES_MAX:
            raise ConfigError(
                f"flygate:{section}.{name} has {size:,} bytes with its name; one variable of a "
                f"process holds {VARIABLE_BYTES_MAX:,} at most, here and on Fly's machines. "
                "Split it, or let the service fetch it when it starts."
            )


def _check_together(manifest: Manifest, secrets: Mapping[str, str]) -> None:
    handed = len(json.dumps(dict(secrets))) + len(SECRETS_VARIABLE) + 2
    if handed > VARIABLE_BYTES_MAX:
        raise ConfigError(
            f"All flygate:secrets together have {handed:,} bytes; they are handed on in one "
            f"variable, which holds {VARIABLE_BYTES_MAX:,} at most. {_remedy(secrets)}"
        )
    both = {**manifest.env, **secrets}
    if (size := sum(_size(*pair) for pair in both.items())) > ENVIRONMENT_BYTES_MAX:
        raise ConfigError(
            f"All variables of a machine together have {size:,} bytes, more than "
            f"{ENVIRONMENT_BYTES_MAX:,}. {_remedy(both)}"
        )


def _check_ledger(manifest: Manifest, secrets: Mapping[str, str]) -> None:
    """The smallest ledger has this release alone; with less there would be no way back to it."""
    entry = Release(version=1, manifest=manifest, manifest_id="", secret_set="next", at="", by="")  # noqa: S106
    smallest = Ledger(releases=(entry,), secret_sets={"next": dict(secrets)})
    if (size := len(smallest.dumps()) + ENTRY_BYTES) > BYTES_MAX:
        raise ConfigError(
            f"The record of this release takes {size:,} bytes, compressed; Pulumi's plugin hands "
            f"at most {BYTES_MAX:,} to the next run. {_remedy({**manifest.env, **secrets})}"
        )


def _remedy(values: Mapping[str, str]) -> str:
    return f"The largest: {_largest(values.items())}. Move large values out of the configuration."


def _largest(values: Iterable[tuple[str, str]]) -> str:
    sizes = sorted(((_size(*pair), pair[0]) for pair in values), reverse=True)[:_LARGEST]
    return ", ".join(f"{name} with {size:,} bytes" for size, name in sizes)


def _size(name: str, value: str) -> int:
    """As a process's environment counts it: `NAME=value` and a byte at the end."""
    return len(name.encode()) + len(value.encode(errors="replace")) + 2
