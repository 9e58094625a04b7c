"""Machine configs of tests, from tables as a `fly.toml` has them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flygate.flytoml import FlyToml, machine_config, toml_reader

ROOT = Path(__file__).resolve().parents[2]


def config_of(*tables: Mapping[str, Any]) -> dict[str, Any]:
    """The machine config of a file that is made of several, each laid over those before it."""
    merged: dict[str, Any] = {}
    for table in tables:
        merged = _laid(merged, table)
    return machine_config(FlyToml.of(merged))


def own() -> dict[str, Any]:
    """This project's own file."""
    return dict(toml_reader.read(ROOT / "fly.toml"))


def _laid(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Table by table; lists are replaced."""
    merged = copy.deepcopy(dict(base))
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = _laid(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged
