"""docs/configuration.md: every key of the configuration, its default, an example that works."""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flygate import config
from flygate.config import StackConfig
from flygate.config.generated_secrets import GENERATED
from flygate.doctor.checks import CHECKS
from pydantic import BaseModel

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "configuration.md").read_text()
# Written by commands: described below the table.
WRITTEN = {"pin", "promotion.receipt", "promotion.at", "promotion.by", "promotion.override"}
# Another default than the model's: the phase's, or one that follows from another key.
FOLLOWS = re.compile(r"the phase's|must be set|none|the app's and `-redis`")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table."""

    key: str
    default: str
    example: str


def rows() -> list[Row]:
    """The table of the keys."""
    cells = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.count(" | ") == 4]
    return [Row(c[0].strip("`"), c[2], c[3].strip("` ")) for c in cells if c[0].startswith("`")]


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The keys of a model and of its parts, with their defaults."""
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name)
        part = _part(field.annotation)
        if part and key not in WRITTEN:
            yield from keys(part, f"{key}.")
        else:
            default = None if field.is_required() else field.get_default(call_default_factory=True)
            yield key, default


def _part(annotation: Any) -> type[BaseModel] | None:
    if typing.get_origin(annotation) is tuple:  # a list of such parts is one key
        return None
    kinds = typing.get_args(annotation) or (annotation,)
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)


def test_every_key_is_reported_and_no_other() -> None:
    """A new key needs a row."""
    expected = {key for key, _ in keys(StackConfig)} - WRITTEN

    assert {row.key for row in rows()} == expected
    assert [key for key in WRITTEN if f"`{key}`" not in PAGE] == []


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.key)
def test_a_default_is_the_model_s(row: Row) -> None:
    """Or it is said where it comes from, and the model has none."""
    default = dict(keys(StackConfig))[row.key]

    if FOLLOWS.fullmatch(row.default):
        assert not default
    else:
        assert json.loads(row.default.strip("`")) == json.loads(json.dumps(default))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.key)
def test_an_example_is_taken(row: Row) -> None:
    """As Pulumi would hand it over."""
    values: dict[str, Any] = {"app": "shop", "phase": "2"}
    *path, last = row.key.split(".")
    part = values
    for name in path:
        part = part.setdefault(name, {"from": "staging"} if name == "promotion" else {})
    part[last] = _parsed(row.example)
    if row.key == "concurrency.soft":
        values["concurrency"]["hard"] = 200
    if row.key == "guest.cpu_kind":
        values["guest"] |= {"cpus": 1, "memory_mb": 2048}

    assert config.load(values).app


def test_the_checks_of_the_doctor_and_the_generated_secrets_are_reported() -> None:
    """By their names."""
    assert [name for name in [*CHECKS, *GENERATED] if f"| `{name}` |" not in PAGE] == []


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
