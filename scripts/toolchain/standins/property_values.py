"""Property maps as Pulumi's engine sends them to a provider: secrets, unknowns and differences.

First stop of every call that reaches `command_provider`; pure functions on plain JSON values.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Value: TypeAlias = Any  # JSON: a string, number, boolean, null, list or object
Properties: TypeAlias = dict[str, Value]

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # a marker of the wire format
_SHORTEST_HIDDEN = 3  # the engine masks nothing shorter either: a text full of masks says nothing


def is_secret(value: Value) -> bool:
    """Whether `value` is a secret's envelope."""
    return isinstance(value, dict) and value.get(_SIGNATURE) == _SECRET


def secret(value: Value) -> Value:
    """Put `value` into a secret's envelope, once."""
    return value if is_secret(value) else {_SIGNATURE: _SECRET, "value": value}


def reveal(value: Value) -> Value:
    """Take every secret at any depth out of its envelope."""
    if is_secret(value):
        return reveal(value["value"])
    if isinstance(value, dict):
        return {key: reveal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [reveal(item) for item in value]
    return value


def without_nulls(value: Value) -> Value:
    """Leave out every null that an object holds, at any depth: to the plugin they are not there."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def secret_texts(value: Value) -> set[str]:
    """Every text that is secret in `value`, and the texts within a secret that is JSON."""
    if is_secret(value):
        return set(_texts(reveal(value)))
    if isinstance(value, dict):
        return set().union(*map(secret_texts, value.values()))
    if isinstance(value, list):
        return set().union(*map(secret_texts, value))
    return set()


def hide(text: str, secrets: set[str]) -> str:
    """Mask each of `secrets` in `text`, the longest first."""
    for hidden in sorted(secrets, key=len, reverse=True):
        if len(hidden) >= _SHORTEST_HIDDEN:
            text = text.replace(hidden, "[secret]")
    return text


def differences(old: Value, new: Value, path: str = "") -> dict[str, str]:
    """Where `new` differs from `old`: property paths to `add`, `delete` or `update`."""
    if isinstance(old, dict) and isinstance(new, dict) and not (is_secret(old) or is_secret(new)):
        return _compare(old, new, lambda key: _member(path, key))
    if isinstance(old, list) and isinstance(new, list):
        return _compare(
            dict(enumerate(old)), dict(enumerate(new)), lambda index: f"{path}[{index}]"
        )
    return {} if old == new else {path: "update"}


def _compare(old: Mapping[Any, Value], new: Mapping[Any, Value], name: Any) -> dict[str, str]:
    found = {name(key): "delete" for key in old.keys() - new.keys()}
    found |= {name(key): "add" for key in new.keys() - old.keys()}
    for key in old.keys() & new.keys():
        found |= differences(old[key], new[key], name(key))
    return found


def _member(path: str, key: str) -> str:
    if not key.replace("_", "").isalnum():
        return f"{path}[{json.dumps(key)}]"
    return f"{path}.{key}" if path else key


def _texts(value: Value) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value
        yield from _texts_of_json(value)


def _texts_of_json(text: str) -> Iterator[str]:
    try:
        inner = json.loads(text)
    except ValueError:
        return
    if isinstance(inner, dict | list):
        yield from _texts(inner)
