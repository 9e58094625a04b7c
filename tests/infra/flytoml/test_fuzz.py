"""Whatever a `fly.toml` holds, it is read or refused in words: never a traceback."""

from __future__ import annotations

import contextlib
import datetime
import math
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from flygate import manifest
from flygate.config import StackConfig
from flygate.flytoml import FlyToml, precedence, surprises, toml_reader
from flygate.flytoml.lines import lines
from flygate.flytoml.schema import Schema
from flygate.manifest.notes import notes as group_notes
from flygate.system.errors import ConfigError
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from tests.infra.builders import IMAGE

INPUTS = Path(__file__).resolve().parents[2] / "data" / "fly_toml" / "inputs.txt"
SEEDS = [part.partition("\n")[2] for part in INPUTS.read_text().split("=== ")[1:]]
STACKS = [
    StackConfig(app="shop", phase=phase, sizing=sizing, image=IMAGE, regions=("iad",))
    for phase in (1, 3)
    for sizing in ("phase", "fly.toml")
]

LEAVES: list[Any] = [
    *(True, False, 0, 1, -1, 8080, 70_000, 2**70, 1.5, math.nan, math.inf, 1e300),
    *("", "10s", "512mb", "app", "20,25", "stop", "8080", "\0", "'", "a\\", "é", "9" * 30),
    *(datetime.date(2026, 1, 1), datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)),
]
DEPTH_MAX = 3


def value(chance: Random, depth: int = 0) -> Any:
    """Anything that TOML has."""
    kind = chance.random()
    if depth < DEPTH_MAX and kind < 0.15:
        return [value(chance, depth + 1) for _ in range(chance.randrange(3))]
    if depth < DEPTH_MAX and kind < 0.3:
        names = chance.sample(["a", "A", "é", "PORT", ""], chance.randrange(3))
        return {name: value(chance, depth + 1) for name in names}
    return chance.choice(LEAVES)


def like(chance: Random, annotation: Any) -> Any:
    """About what a key takes; sometimes anything else."""
    kind = get_origin(annotation)
    if chance.random() < 0.15:
        return value(chance)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return table(chance, annotation)
    if kind in MAKERS:
        return MAKERS[kind](chance, get_args(annotation))
    if annotation is int:
        return chance.choice([0, 1, 2, 80, 443, 8080, 9091])
    return chance.choice([one for one in LEAVES if type(one) is annotation] or LEAVES)


def listed(chance: Random, kinds: Sequence[Any]) -> Any:
    return [like(chance, kinds[0]) for _ in range(chance.randrange(3))]


def mapped(chance: Random, kinds: Sequence[Any]) -> Any:
    names = chance.sample(["a", "app", "PORT", "FLY_PROCESS_GROUP"], chance.randrange(3))
    return {name: like(chance, kinds[1]) for name in names}


def said(chance: Random, kinds: Sequence[Any]) -> Any:
    return like(chance, chance.choice([one for one in kinds if one is not type(None)]))


MAKERS: dict[Any, Callable[[Random, Sequence[Any]], Any]] = {
    list: listed,
    dict: mapped,
    types.UnionType: said,
    Literal: lambda chance, words: chance.choice(words),
    Annotated: lambda chance, kinds: like(chance, kinds[0]),
}


def table(chance: Random, part: type[BaseModel]) -> dict[str, Any]:
    """Some of the keys of a part, those that must be there as a rule."""
    return {
        field.alias or name: like(chance, field.annotation)
        for name, field in part.model_fields.items()
        if chance.random() < (0.9 if field.is_required() else 0.3)
    }


def outcome(read: Callable[[], FlyToml]) -> str:
    """Why a file is refused; empty if all that a deployment makes of it was made."""
    try:
        file = read()
    except ConfigError as exc:
        return str(exc)
    for stack in STACKS:
        with contextlib.suppress(ConfigError):
            made = manifest.build(stack, file, IMAGE, ())
            list(surprises.notes(file, stack, made.config))
            list(precedence.notes(stack, file))
            list(group_notes(stack, file, made.groups))
            made.id("secrets")
    return ""


def parsed(content: bytes) -> str:
    return outcome(lambda: FlyToml.of(toml_reader.parse(content)))


def names_the_file(refusal: str) -> bool:
    return all(line.startswith("fly.toml") for line in refusal.splitlines())


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """The refusal names the file."""
    assert names_the_file(parsed(content))


@given(st.sampled_from(SEEDS), st.integers(0, 400), st.integers(0, 8), st.text(max_size=8))
@settings(max_examples=200, deadline=None)
def test_a_file_with_a_slip_of_the_pen_is_read_or_refused(
    text: str, at: int, cut: int, put: str
) -> None:
    """A few letters are others than they were."""
    changed = text[:at] + put + text[at + cut :]

    assert names_the_file(parsed(changed.encode("utf-8", "surrogatepass")))


@given(st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_any_values_are_understood_or_refused(seed: int) -> None:
    """Every key with about what it takes, and with what it does not."""
    values = table(Random(seed), Schema)

    assert names_the_file(outcome(lambda: FlyToml.of(values)))


@given(st.sampled_from(SEEDS))
@settings(max_examples=90, deadline=None)
def test_every_key_has_its_line(text: str) -> None:
    """The line in the message has the key on it."""
    rows = text.splitlines()
    for path, line in lines(text).items():
        name = next(part for part in reversed(path) if isinstance(part, str))
        assert name in rows[line - 1]


@pytest.mark.parametrize(
    "content",
    [
        b"a = " + b"[" * 5000 + b"]" * 5000,
        b"a = " + b"{b=" * 3000 + b"1" + b"}" * 3000,
        b"[" + b".".join([b"a"] * 3000) + b"]",
        b"a = " + b"9" * 5000,
        b"#" * (toml_reader.BYTES_MAX + 1),
        b"\xff\xfe",
    ],
    ids=["lists", "tables", "a long key", "a long number", "too large", "no UTF-8"],
)
def test_what_is_nested_or_large_beyond_reason_is_refused(content: bytes) -> None:
    """Neither the reader's depth nor its time is without end."""
    refusal = parsed(content)

    assert refusal
    assert names_the_file(refusal)


@pytest.mark.parametrize("end", ["\x85", "\u2028", "\u2029"])
def test_an_end_of_a_line_in_a_value_ends_no_line(end: str) -> None:
    """A refusal shows it escaped."""
    text = f'app = "x"\n[compute]\ncpu_kind = "{end}performance"\n'

    assert len(parsed(text.encode()).splitlines()) == 1
