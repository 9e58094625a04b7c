"""`refusal`: one line about a wrong value: the key, what was found, and what to do."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, get_args

from pydantic import BaseModel

from flygate.redaction.redact import cut

PROJECT: Final = "flygate"

_PART: Final = re.compile(r"[^.\[\]]+")
_SHOWN_MAX: Final = 80
# Pydantic's kinds of errors → what the value must be; `{…}` is of the error's context.
_WORDS: Final = {
    "tuple_type": "must be a list, as in [a, b]",
    "dict_type": "must be a map of names and values",
    "model_type": "must be a map of names and values",
    "model_attributes_type": "must be a map of names and values",
    "string_type": "must be text",
    "string_too_long": "must be of at most {max_length} characters",
    "too_long": "must have at most {max_length} entries",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number that is not so large",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number that is not so large",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "greater_than": "must be more than {gt}",
    "less_than": "must be less than {lt}",
    "timezone_aware": "must be a time with its zone, as in 2026-11-29T17:23:41+00:00",
    "datetime_type": "must be a time with its zone, as in 2026-11-29T17:23:41+00:00",
    "datetime_parsing": "must be a time with its zone, as in 2026-11-29T17:23:41+00:00",
    "datetime_from_date_parsing": "must be a time with its zone, as in 2026-11-29T17:23:41+00:00",
}


def refusal(error: Mapping[str, Any], values: Mapping[str, Any], model: type[BaseModel]) -> str:
    """Return the line.

    Args:
        error: one of pydantic's.
        values: the configuration. No value of a secret is among them.
        model: of the configuration.
    """
    places = tuple(error["loc"])
    path = _path(places, values)
    if not path:
        return f"{PROJECT}:{_words(error)}"
    if error["type"] == "missing":
        return f"{PROJECT}:{path} is not set. Set it: {_setting(path)}"
    if error["type"] == "extra_forbidden":
        return _unknown(path, places, model)
    if places == ("redis",):
        return f"{PROJECT}:redis must be a map, such as redis.plan"  # it may be a URL
    found = shortened(json.dumps(_at(values, places), default=str))
    return f"{PROJECT}:{path} is {found}; it {_words(error)}"


def shortened(text: str) -> str:
    """Return as much of a value as a line can show."""
    return text if len(text) <= _SHOWN_MAX else f"{cut(text, _SHOWN_MAX)} ({len(text)} characters)"


def _path(places: Sequence[str | int], values: Any) -> str:
    """Write a place as `pulumi config set --path` takes it: `rollout.steps[0]`."""
    path = ""
    for place in places:
        if isinstance(place, int):
            path += f"[{place}]"
        elif isinstance(values, Mapping):
            path += f".{place}" if path else str(place)
        else:
            break  # the kind that a value of several kinds could have been
        values = _at(values, (place,))
    return path


def _words(error: Mapping[str, Any]) -> str:
    known = _WORDS.get(error["type"])
    if known:
        return known.format(**error.get("ctx", {}))
    message = str(error["msg"]).removeprefix("Value error, ")
    if message.startswith(("must", "stores")) or not error["loc"]:
        return message
    return "is wrong: " + message[:1].lower() + message[1:]


def _unknown(path: str, places: tuple[str | int, ...], model: type[BaseModel]) -> str:
    """Refuse a key that there is not; name the nearest one that there is."""
    names = _names(model, places[:-1])
    last = str(places[-1])
    is_path = len(places) == 1 and len(_PART.findall(last)) > 1
    if is_path and (meant := _meant_path(last, model)):
        return (
            f"{PROJECT}:{path} was set without --path, so it is a key of its own, which there is "
            f"not. Set it: {_setting(meant)}, and remove this one: {_removal(path, is_path=False)}"
        )
    remove = _removal(path, is_path=len(places) > 1)
    section = path.removesuffix(last).rstrip(".")
    near = difflib.get_close_matches(last.lower(), names, n=1, cutoff=0.6)
    if near and not is_path:
        meant = f"{section}.{near[0]}" if section else near[0]
        secret = meant == "secrets"
        how = "pulumi config set --secret --path secrets.NAME" if secret else _setting(meant)
        end = "" if section else f". Known: {', '.join(names)}"
        return (
            f"{PROJECT}:{path} is no key. Did you mean {meant}? Set it: {how}, and remove this "
            f"one: {remove}{end}"
        )
    return f"{PROJECT}:{path} is no key. Known: {', '.join(names)}. Remove it: {remove}"


def _meant_path(path: str, model: type[BaseModel]) -> str:
    """Return a path whose parts there are, each the nearest one; empty if there is none."""
    places: list[str | int] = []
    for part in _PART.findall(path):
        if part.isdecimal():
            places.append(int(part))
            continue
        names = _names(model, places)
        near = [part] if not names else difflib.get_close_matches(part, names, n=1, cutoff=0.6)
        if not near:
            return ""
        places.append(near[0])
    found = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in places)
    return found.removeprefix(".")


def _names(model: type[BaseModel], places: Sequence[str | int]) -> list[str]:
    """Return the keys of the section at a place; none if any name may be there."""
    at: type[BaseModel] | None = model
    for place in places:
        if isinstance(place, int):
            continue
        fields = {} if at is None else {f.alias or n: f for n, f in at.model_fields.items()}
        at = next(_models(fields[place].annotation), None) if place in fields else None
    if at is None:
        return []
    own = [field.alias or name for name, field in at.model_fields.items()]
    return sorted([*own, "secrets"] if at is model else own)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for one in get_args(annotation):
        yield from _models(one)


def _setting(path: str) -> str:
    """Return the command that sets a value, as a shell takes it."""
    nested = "--path " if set(path) & set(".[") else ""
    return f"pulumi config set {nested}{shlex.quote(path)} <value>"


def _removal(path: str, *, is_path: bool) -> str:
    return f"pulumi config rm {'--path ' if is_path else ''}{shlex.quote(path)}"


def _at(values: Any, path: Sequence[str | int]) -> Any:
    for part in path:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return None
    return values
