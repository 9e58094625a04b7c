"""What Pulumi hands the running program: the stack's names, and its configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi.runtime.config as runtime_config

from flygate.config import PROJECT, namespace, secrecy
from flygate.config.stack_file import StackFile
from flygate.fly.owner import Owner
from flygate.record.stack_record import StackRecord
from flygate.system import project


def raw() -> dict[str, Any]:
    """Return the project's configuration, key → text, with unknown keys, so that they are refused.

    Raises:
        ConfigError: a secret would be shown: see `infra/flygate/config/secrecy.py`; or a key is
            under a misspelt project's name.
    """
    prefix = f"{PROJECT}:"
    found = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    namespace.check(found)
    own = {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}
    file = StackFile.read(project.root(), pulumi.get_stack())
    secrecy.read(own, {key for key in own if is_secret(key)}, file.values).check()
    return own


def is_secret(key: str) -> bool:
    """Whether Pulumi keeps a key's value encrypted, in part at least."""
    return runtime_config.is_config_secret(f"{PROJECT}:{key}")


def owner(recorded: StackRecord) -> str:
    """Return the label of this stack, with the id that its state has, or a new one."""
    names = "/".join((pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack()))
    kept = recorded.owner
    return str(kept.renamed(names) if kept else Owner.new(names))


def sealed(values: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    """Return secret values as one JSON text that Pulumi keeps encrypted."""
    known: pulumi.Output[Any] = pulumi.Output.from_input(dict(values))
    return pulumi.Output.secret(known.apply(lambda all_: json.dumps(all_, sort_keys=True)))
