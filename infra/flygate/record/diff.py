"""What differs between two releases: by key, and of a secret no more than that it changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal

from flygate.record.history import Entry
from flygate.system.errors import LedgerError

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
    return list(_compare("", old, new))


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
    """The manifest as people think of it: the environment apart, the secrets' names elsewhere.

    Other process groups go by name, and their environment is said once: it is that of the first.
    """
    elsewhere = {"config", "secrets", "others", "release_command"}
    plain = {key: value for key, value in manifest.items() if key not in elsewhere}
    config = dict(manifest.get("config", {}))
    env = plain["env"] = config.pop("env", {})
    plain["config"] = config
    if others := manifest.get("others"):
        plain["groups"] = {one["name"]: _own(one, env) for one in others}
    if command := manifest.get("release_command"):
        plain["release_command"] = _own(command, env)
    return plain


def _own(group: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    """Return a group without the variables that the leading one has, too."""
    config = dict(group["config"])
    own = {name: text for name, text in config.pop("env", {}).items() if env.get(name) != text}
    named = {key: value for key, value in group.items() if key not in {"name", "config"}}
    return {**named, "config": config, "env": own}


def _compare(path: str, old: Any, new: Any) -> Iterator[Change]:
    """Down to what differs; a list that only one side has is one difference."""
    if old == new:
        return
    if _is_map(old) and _is_map(new):
        for key in sorted({*old, *new}):
            inner = f"{path}.{key}" if path else str(key)
            yield from _compare(inner, old.get(key, _ABSENT), new.get(key, _ABSENT))
    elif _has_maps(old) and _has_maps(new):
        for number, (one, other) in enumerate(zip_longest(old, new, fillvalue=_ABSENT)):
            yield from _compare(f"{path}[{number}]", one, other)
    elif _is_map(old) and new is _ABSENT:
        yield from _compare(path, old, {})
    elif _is_map(new) and old is _ABSENT:
        yield from _compare(path, {}, new)
    else:
        yield _change(path, old, new)


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)


def _has_maps(value: Any) -> bool:
    return isinstance(value, list) and any(map(_is_map, value))


def _change(key: str, before: Any, after: Any) -> Change:
    if before is _ABSENT:
        return Change("+", key, after=_text(after))
    if after is _ABSENT:
        return Change("-", key, before=_text(before))
    return Change("~", key, _text(before), _text(after))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
