"""From the bytes of a `fly.toml` to a table; nothing of what it says is judged here."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from flygate.flytoml.lines import lines
from flygate.flytoml.table import Table, located
from flygate.system.errors import ConfigError

NAME: Final = "fly.toml"
# A fly.toml has some KB. What is far larger is something else, and takes minutes to read.
BYTES_MAX: Final = 512 * 1024
# Go reads whole numbers into 64 bits.
_LARGEST: Final = 2**63
_PLACE: Final = re.compile(r" \(at line (\d+), column \d+\)$")


def read(path: Path) -> Table:
    """Read a file.

    Raises:
        ConfigError: it is missing, can't be read, or is no TOML.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            f"{NAME} is missing: it is the base of the machine config. Get it back from git, or "
            "`fly config save` writes that of an app that runs."
        ) from None
    except OSError as exc:
        raise ConfigError(f"{NAME} can't be read: {exc.strerror}. It must be a file.") from None
    return parse(content)


def parse(content: bytes) -> Table:
    """Read what a file holds.

    Raises:
        ConfigError: it is no TOML; the text says on which line.
    """
    if len(content) > BYTES_MAX:
        raise ConfigError(
            f"{NAME} has {len(content):,} bytes; {BYTES_MAX:,} are read at most. Large texts "
            "belong into files of the image."
        )
    try:
        text = content.decode("utf-8").replace("\r\n", "\n")
        return of(tomllib.loads(text), text)
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise ConfigError(f"{NAME}:{line}: no UTF-8, as TOML must be. Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(_broken(str(exc))) from None
    except RecursionError:
        raise ConfigError(f"{NAME} is nested too deeply. No key of it needs that.") from None
    except ValueError as exc:  # a number of thousands of digits
        raise ConfigError(f"{NAME} is no valid TOML: {exc}. Repair it.") from None


def of(values: Mapping[str, Any], text: str = "") -> Table:
    """Values as a table; without a text no line is known.

    Raises:
        ConfigError: a value is one that no machine and no API takes.
    """
    table: Table = located(values, lines(text))
    if problem := next(_unusable(table, ()), ""):
        raise ConfigError(problem)
    return table


def _broken(message: str) -> str:
    place = _PLACE.search(message)
    line = f":{place[1]}" if place else ""
    reason = _PLACE.sub("", message)
    return f"{NAME}{line}: no valid TOML: {reason}. Repair it; https://toml.io has the rules."


def _unusable(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    """Texts with a NUL, which no process can be given; numbers that Go can't hold."""
    if isinstance(value, Table):
        for key, inner in value.items():
            line = f":{value.lines[key]}" if key in value.lines else ""
            for problem in (*_problems(key, "a key"), *_problems(inner, ".".join((*path, key)))):
                yield f"{NAME}{line}: {problem}"
            yield from _unusable(inner, (*path, key))
    elif isinstance(value, list):
        for inner in value:
            name = ".".join(path)
            yield from (f"{NAME}: {problem}" for problem in _problems(inner, f"an item of {name}"))
            yield from _unusable(inner, path)


def _problems(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, str) and "\0" in value:
        yield f"{name!a} has a NUL in it, which no process can be given. Remove it."
    elif isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        yield f"{name!a} is a number that no machine holds. Write a smaller one."
