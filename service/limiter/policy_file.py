"""Reads policies from TOML. Every mistake is named with its policy, what was found, what is meant.

deny = ["198.51.100.0/24"]

[[policy]]
name = "search"
quota = "10/m burst 5"
routes = ["GET /search", "/items/{id}"]
"""

import tomllib
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar

from .errors import PolicyError, QuotaError
from .networks import Networks
from .policies import PolicySet
from .policy import KeyFunction, Mode, Policy, by_client, by_everyone, by_header, by_network
from .quota import Quota
from .route import Route
from .store.base import Failure

Word = TypeVar("Word", bound=StrEnum)

_TOP: Final = {"policy", "exempt_paths", "allow", "deny"}
_POLICY: Final = {
    "name",
    "quota",
    "key",
    "cost",
    "mode",
    "failure",
    "routes",
    "overrides",
    "exempt",
    "candidate",
}


Find = Callable[[str], KeyFunction]


def no_function(name: str) -> KeyFunction:
    """Find a key function where none may be named."""
    raise PolicyError(f"no functions can be named here; found {name!r}")


def read_policies(
    text: str, exempt_paths: frozenset[str] = frozenset(), find: Find = no_function
) -> PolicySet:
    """Read a set of policies.

    Args:
        text: TOML.
        exempt_paths: paths that are exempt whatever the text says.
        find: gives the key function that `function:NAME` names.

    Raises:
        PolicyError: naming what is wrong and where.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"the policies are no TOML: {error}") from error
    _check_names("the file", document, _TOP)
    tables = _value(document, "policy", list, [], "the file")
    policies = [policy for table in tables for policy in _policies(table, find)]
    return PolicySet(
        tuple(policies),
        exempt_paths | frozenset(_texts(document, "exempt_paths", "the file")),
        Networks(_texts(document, "allow", "the file")),
        Networks(_texts(document, "deny", "the file")),
    )


def _policies(table: Any, find: Find) -> list[Policy]:
    """A policy, and its candidate beside it."""
    if not isinstance(table, dict) or not isinstance(table.get("name"), str):
        raise PolicyError(f"each [[policy]] needs a name; found {table!r}")
    where = f"policy {table['name']!r}"
    _check_names(where, table, _POLICY)
    try:
        policy = _policy(table, where, find)
        candidate = _value(table, "candidate", str, "", where)
        if not candidate:
            return [policy]
        return [policy, _candidate(policy, Quota.parse(candidate))]
    except QuotaError as error:
        raise PolicyError(f"{where}: {error}") from error


def _policy(table: dict[str, Any], where: str, find: Find) -> Policy:
    overrides = _value(table, "overrides", dict, {}, where)
    return Policy(
        name=table["name"],
        quota=Quota.parse(_value(table, "quota", str, "", where)),
        key=_key(_value(table, "key", str, "client", where), where, find),
        cost=_value(table, "cost", int, 1, where),
        mode=_word(table, "mode", Mode.ENFORCE, where),
        failure=_word(table, "failure", Failure.FAIR_SHARE, where),
        routes=tuple(Route.parse(route) for route in _texts(table, "routes", where)),
        overrides={key: Quota.parse(str(quota)) for key, quota in overrides.items()},
        exempt=Networks(_texts(table, "exempt", where)),
    )


def _candidate(policy: Policy, quota: Quota) -> Policy:
    return Policy(
        name=f"{policy.name}.candidate",
        quota=quota,
        key=policy.key,
        cost=policy.cost,
        mode=Mode.SHADOW,
        failure=Failure.OPEN,
        routes=policy.routes,
        exempt=policy.exempt,
    )


def _key(text: str, where: str, find: Find) -> KeyFunction:
    kind, _, name = text.partition(":")
    if text == "client":
        return by_client
    if text == "everyone":
        return by_everyone
    if kind == "header" and name:
        return by_header(name.lower())
    if kind == "function" and name:
        return find(name)
    if text.startswith("client/") and text[7:].isdigit() and 16 <= int(text[7:]) <= 128:
        return by_network(int(text[7:]))
    raise PolicyError(
        f"{where}: key is 'client', 'client/48' (any IPv6 prefix), 'header:NAME',"
        f" 'function:package.module:name' or 'everyone'; found {text!r}"
    )


def _check_names(where: str, table: Mapping[str, Any], known: set[str]) -> None:
    if unknown := sorted(table.keys() - known):
        raise PolicyError(f"{where} has {', '.join(unknown)}; known are {', '.join(sorted(known))}")


def _texts(table: Mapping[str, Any], name: str, where: str) -> list[str]:
    texts = _value(table, name, list, [], where)
    if not all(isinstance(text, str) for text in texts):
        raise PolicyError(f"{where}: {name} is a list of texts; found {texts!r}")
    return [str(text) for text in texts]


def _value(table: Mapping[str, Any], name: str, kind: type, default: Any, where: str) -> Any:
    value = table.get(name, default)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise PolicyError(f"{where}: {name} is a {kind.__name__}; found {value!r}")
    return value


def _word(table: Mapping[str, Any], name: str, default: Word, where: str) -> Word:
    value = table.get(name, default.value)
    allowed = [member.value for member in type(default)]
    if value not in allowed:
        raise PolicyError(f"{where}: {name} is one of {', '.join(allowed)}; found {value!r}")
    return type(default)(value)
