"""What differs between two releases: by key, and of a secret no more than that it changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from infra.errors import LedgerError
from infra.history import Entry

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        mark: `+` only the later one has it, `-` only the earlier one, `~` its value differs.
        key: a path such as `env.GREETING` or `config.guest.memory_mb`, or `secret NAME`.
        before, after: the values as JSON; empty for a secret and where there is none.
    """

    mark: Literal["+", "-", "~"]
    key: str
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        values = " → ".join(value for value in (self.before, self.after) if value)
        return f"{self.mark} {self.key}" + (f": {values}" if values else "")


def between(old: Entry, new: Entry) -> list[Change]:
    """What `new` runs that `old` did not, and the other way round; secrets last.

    Raises:
        LedgerError: one of them was released by a Flygate that did not keep its content.
    """
    for entry in (old, new):
        if entry.content is None:
            raise LedgerError(
                f"The content of {entry.version} is not known: it was released by an earlier "
                "version of Flygate. Any release from now on can be compared."
            )
    return [
        *manifest_changes(old.content or {}, new.content or {}),
        *secret_changes(old.secrets, new.secrets),
    ]


def manifest_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """The differences of two manifests' public halves."""
    return changes(_plain(old), _plain(new))


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """The differences of two nested maps, by path."""
    before, after = dict(_leaves(old)), dict(_leaves(new))
    return [
        _change(key, before.get(key, _ABSENT), after.get(key, _ABSENT))
        for key in sorted({*before, *after})
        if before.get(key, _ABSENT) != after.get(key, _ABSENT)
    ]


def secret_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """The differences of two sets of secrets.

    Args:
        old, new: name → something that is the same for the same value.
    """
    return [Change(change.mark, f"secret {change.key}") for change in changes(dict(old), dict(new))]


def pick(history: Sequence[Entry], versions: Sequence[str]) -> tuple[Entry, Entry]:
    """The two releases to compare: those named, or one and the newest, or the newest two.

    Args:
        history: newest first.
        versions: none, one or two, with or without their `v`.

    Raises:
        LedgerError: there are no such releases.
    """
    wanted = [name if name.startswith("v") else f"v{name}" for name in versions]
    if len(wanted) < 2:
        if len(history) < 2:
            raise LedgerError("There are no two releases to compare yet.")
        wanted.append(history[0].version)
        if len(wanted) < 2:
            wanted.insert(0, history[1].version)
    return _named(history, wanted[0]), _named(history, wanted[1])


def _named(history: Sequence[Entry], version: str) -> Entry:
    for entry in history:
        if entry.version == version:
            return entry
    known = ", ".join(entry.version for entry in history)
    raise LedgerError(f"There is no release {version} in the ledger; it has {known}.")


def _plain(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest as people think of it: the environment apart, the secrets' names elsewhere."""
    plain = {key: value for key, value in manifest.items() if key not in {"config", "secrets"}}
    config = dict(manifest.get("config", {}))
    plain["env"] = config.pop("env", {})
    plain["config"] = config
    return plain


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(inner, Mapping) for inner in value):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{number}]")
    elif path and value != {}:
        yield path, value


def _change(key: str, before: Any, after: Any) -> Change:
    if before is _ABSENT:
        return Change("+", key, after=_text(after))
    if after is _ABSENT:
        return Change("-", key, before=_text(before))
    return Change("~", key, _text(before), _text(after))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
