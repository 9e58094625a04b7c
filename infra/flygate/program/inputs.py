"""What Pulumi hands the running program: the stack's configuration, plain and secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pulumi.runtime.config as runtime_config

from flygate.config import PROJECT, secrecy
from flygate.config.stack_file import StackFile

ROOT = Path(__file__).resolve().parents[3]


def raw() -> dict[str, Any]:
    """The project's configuration, key → text. All of it, so that an unknown key is noticed.

    Raises:
        ConfigError: a secret would be shown: see `infra/flygate/config/secrecy.py`.
    """
    prefix = f"{PROJECT}:"
    found = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    ours = {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}
    file = StackFile.read(ROOT, pulumi.get_stack())
    secrecy.read(ours, {key for key in ours if is_secret(key)}, file.values).check()
    return ours


def is_secret(key: str) -> bool:
    """Pulumi keeps a key's value encrypted, in part at least."""
    return runtime_config.is_config_secret(f"{PROJECT}:{key}")


def sealed(values: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    """Secret values as one JSON text that Pulumi keeps encrypted."""
    known: pulumi.Output[Any] = pulumi.Output.from_input(dict(values))
    return pulumi.Output.secret(known.apply(lambda all_: json.dumps(all_, sort_keys=True)))
