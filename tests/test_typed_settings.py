"""What the documents tell to set is a configuration that Flygate takes, section by section."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from flygate import config
from flygate.system.errors import ConfigError

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
_COMMAND = re.compile(r"^(?: {4,}|\|.*\| `)(?:\$ )?(pulumi config (?:set|rm) [^`#\n]+)", re.M)
_STEP = re.compile(r"\w+|\[(\d+)\]")
# What the page means to be replaced.
_PLACEHOLDER = re.compile(r"<[^>]*>|…|\bNAME\b")
_OPTIONS_WITH_VALUE = {"--stack", "-s", "--type"}


def sections() -> Iterator[tuple[str, list[str]]]:
    """Each section of a document with its commands, comments left out."""
    for document in DOCUMENTS:
        for section in document.read_text(encoding="utf-8").split("\n## "):
            found = [c.partition("  ")[0].strip() for c in _COMMAND.findall(section)]
            commands = [c for c in found if not _PLACEHOLDER.search(c)]
            if commands:
                yield f"{document.stem}: {section.splitlines()[0].strip('# ')}", commands


SECTIONS = dict(sections())


def typed(commands: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The configuration after Pulumi took them, plain values and secret ones apart."""
    plain: dict[str, Any] = {"app": "shop", "regions": ["iad"]}  # as `flygate init` writes it
    secret: dict[str, Any] = {}
    for command in commands:
        words = shlex.split(command)[2:]
        options = {word for word in words if word.startswith("-")}
        given = [
            word
            for before, word in zip(["", *words], words, strict=False)
            if not word.startswith("-") and before not in _OPTIONS_WITH_VALUE
        ]
        verb, key, *rest = given
        values = secret if "--secret" in options else plain
        path = steps(key) if "--path" in options else [key]
        if verb == "rm":
            with suppress(KeyError):  # it was set on another page, or never
                place(values, path).pop(path[-1])
        else:
            value = rest[0] if rest else "rediss://default:x@host:6379"
            put(values, path, number(value) if len(path) > 1 else value)
    return plain, secret


def steps(path: str) -> list[str | int]:
    """`rollout.steps[0]` as Pulumi reads it."""
    return [int(m[1]) if m[1] else m[0] for m in _STEP.finditer(path)]


def number(value: str) -> Any:
    """Within a map, whole numbers and truth values are what they look like."""
    return json.loads(value) if re.fullmatch(r"true|false|0|[1-9]\d*", value) else value


def place(values: Any, path: list[Any]) -> Any:
    """The map that has the last part of a path."""
    for step in path[:-1]:
        values = values[step]
    return values


def put(values: Any, path: list[Any], value: Any) -> None:
    """Set a value, and make the maps and lists that it stands in."""
    for step, following in pairwise(path):
        made: Any = [] if isinstance(following, int) else {}
        if isinstance(values, list) and step == len(values):
            values.append(made)
        elif isinstance(values, dict):
            values.setdefault(step, made)
        values = values[step]
    if isinstance(values, list) and path[-1] == len(values):
        values.append(value)
    else:
        values[path[-1]] = value


@pytest.mark.parametrize("section", SECTIONS)
def test_what_a_section_sets_is_taken(section: str) -> None:
    """One command after the other, as a reader types them."""
    commands = SECTIONS[section]

    for count in range(1, len(commands) + 1):
        plain, secret = typed(commands[:count])
        config.load({**plain, **({"redis": {"url": "secret"}} if "redis" in secret else {})})
        config.load_secrets({"secrets": json.dumps(secret.get("secrets", {}))})


def test_the_documents_set_something() -> None:
    """The pages that are typed most are among them."""
    assert {"rollout", "phases", "migration"} <= {name.partition(":")[0] for name in SECTIONS}


def test_the_steps_of_the_page_are_what_it_says() -> None:
    """Without the last one, which is all machines."""
    stack = config.load(typed(SECTIONS["rollout: What a release does"])[0])

    assert stack.rollout.steps == (2, "100%")
    assert stack.rollout.wait == "60s"


def test_a_limiter_in_shadow_need_not_be_proved_until_it_is_enforced() -> None:
    """A release of the first step from slowapi would be taken back by the smoke check."""
    commands = SECTIONS["migration: From slowapi"]
    enforced = next(n for n, command in enumerate(commands) if " rm " in command)

    assert not config.load(typed(commands[:enforced])[0]).smoke.limiter
    assert config.load(typed(commands[: enforced + 1])[0]).smoke.limiter


def test_a_setting_that_is_refused_would_be_found() -> None:
    """The check checks."""
    with pytest.raises(ConfigError, match=r"rollout\.wait"):
        config.load(typed(["pulumi config set --path rollout.wait soon"])[0])
