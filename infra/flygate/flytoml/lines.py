"""The line of each key of a TOML text, which `tomllib` does not report.

`tomllib` has read the text before, so it is valid: only the places where keys, tables and items of
lists begin are looked for.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_TEXTS: Final = (
    re.compile(r'"""(?:\\.|[^\\])*?"""(?:"{0,2})', re.DOTALL),
    re.compile(r"'''.*?'''(?:'{0,2})", re.DOTALL),
    re.compile(r'"(?:\\.|[^"\\\n])*"'),
    re.compile(r"'[^'\n]*'"),
)
_SCALAR: Final = re.compile(r"[^,\]}#\n]+")


def lines(text: str) -> dict[Path, int]:
    """Return the line of each key, table and item, by its path: ("services", 0, "ports")."""
    return _Reader(text).read()


@dataclass
class _Reader:
    text: str
    position: int = 0
    found: dict[Path, int] = field(default_factory=dict)
    counts: dict[Path, int] = field(default_factory=dict)
    counted: tuple[int, int] = (0, 1)

    def read(self) -> dict[Path, int]:
        table: Path = ()
        while self._next_statement():
            if self._at("["):
                table = self._header()
            else:
                self._pair(table)
        return self.found

    def _next_statement(self) -> bool:
        self._skip(_BLANK)
        return self.position < len(self.text)

    def _header(self) -> Path:
        here = self._line()
        is_item = self.text.startswith("[[", self.position)
        self.position += 2 if is_item else 1
        self._skip(_SPACE)
        path = self._into((), self._key(), here, last=not is_item)
        if is_item:
            self.counts[path] = self.counts.get(path, -1) + 1
            self.found.setdefault(path, here)
            path = (*path, self.counts[path])
        self.found[path] = here
        self.position += 2 if is_item else 1
        return path

    def _into(self, path: Path, key: list[str], here: int, *, last: bool) -> Path:
        """Return the path of a dotted key: in a list of tables it leads into the last one."""
        for number, part in enumerate(key, start=1):
            path = (*path, part)
            self.found.setdefault(path, here)
            if path in self.counts and (last or number < len(key)):
                path = (*path, self.counts[path])
        return path

    def _pair(self, table: Path) -> None:
        here = self._line()
        path = self._into(table, self._key(), here, last=False)
        self._skip(_SPACE)
        self.position += 1  # =
        self._skip(_SPACE)
        self._value(path)

    def _key(self) -> list[str]:
        parts = []
        while True:
            parts.append(self._key_part())
            self._skip(_SPACE)
            if not self._at("."):
                return parts
            self.position += 1
            self._skip(_SPACE)

    def _key_part(self) -> str:
        begin = self.position
        if self._at('"') or self._at("'"):
            self._text()
            written = self.text[begin : self.position]
            return next(iter(tomllib.loads(f"{written} = 0")))
        self._skip(_BARE_KEY)
        return self.text[begin : self.position]

    def _value(self, path: Path) -> None:
        if self._at("["):
            self._list(path)
        elif self._at("{"):
            self._inline_table(path)
        elif self._at('"') or self._at("'"):
            self._text()
        else:
            self._skip(_SCALAR)

    def _list(self, path: Path) -> None:
        for number in self._items("]"):
            self.found[*path, number] = self._line()
            self._value((*path, number))

    def _inline_table(self, path: Path) -> None:
        for _ in self._items("}"):
            self._pair(path)

    def _items(self, end: str) -> Iterator[int]:
        self.position += 1
        number = 0
        while True:
            self._skip(_BLANK)
            if self._at(end):
                self.position += 1
                return
            yield number
            number += 1
            self._skip(_BLANK)
            if self._at(","):
                self.position += 1

    def _text(self) -> None:
        for pattern in _TEXTS:
            if found := pattern.match(self.text, self.position):
                self.position = found.end()
                return
        raise ValueError(f"no text ends at {self.position}")

    def _skip(self, pattern: re.Pattern[str]) -> None:
        if found := pattern.match(self.text, self.position):
            self.position = found.end()

    def _at(self, sign: str) -> bool:
        return self.text.startswith(sign, self.position)

    def _line(self) -> int:
        """Count lines from the place where they were last counted."""
        position, line = self.counted
        line += self.text.count("\n", position, self.position)
        self.counted = (self.position, line)
        return line


def line_of(found: Mapping[Path, int], path: Path) -> int | None:
    """Return the line of a key, or of the table around it; None without a file."""
    while path:
        if path in found:
            return found[path]
        path = path[:-1]
    return None
