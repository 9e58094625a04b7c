"""A file of policies, in TOML. An error names the policy, what was found and what is allowed.

deny = ["198.51.100.0/24"]
exempt_paths = ["/static/*"]

[[policy]]
name = "search"
quota = "10/m burst 5"
routes = ["GET /search", "/items/{id}"]
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, TypeVar

from flygate_limiter.charge import Failure
from flygate_limiter.errors import PolicyError, QuotaError, shown
from flygate_limiter.networks import Networks
from flygate_limiter.quota import Quota

from .key_function import KeyFunction, by_client, by_everyone, by_header, by_network
from .overrides import of_clients, of_everyone, of_header
from .policy import Mode, Policy
from .policy_set import PolicySet
from .route import Route

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
# A field's name, as HTTP has it.
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NETWORK_KEY: Final = re.compile(r"client/[0-9]{1,3}")
_LONGEST_FILE: Final = 1_000_000

Find = Callable[[str], KeyFunction]


def no_function(name: str) -> KeyFunction:
    """Refuse a key function: none may be named here."""
    raise PolicyError(f"no functions can be named here; found {name!r}")


def read_policies(
    text: str, exempt_paths: frozenset[str] = frozenset(), find: Find = no_function
) -> PolicySet:
    """Read a set of policies.

    Args:
        text: TOML.
        exempt_paths: paths that are exempt whatever the text says, for denied addresses too.
        find: gives the key function that `function:NAME` names.

    Raises:
        PolicyError: naming what is wrong and where.
    """
    document = _document(text)
    _check_names("the file", document, _TOP)
    tables = _value(document, "policy", list, [], "the file")
    exempt = _routes(document, "exempt_paths", "the file")
    policies = [policy for table in tables for policy in _policies(table, find)]
    allow = _networks(document, "allow", "the file")
    deny = _networks(document, "deny", "the file")
    _check_reach(policies, exempt, exempt_paths)
    _check_networks(policies, allow, deny)
    return PolicySet(tuple(policies), exempt_paths, allow, deny, exempt)


def _document(text: str) -> dict[str, Any]:
    if len(text) > _LONGEST_FILE:
        raise PolicyError(f"the policies are {len(text)} characters; at most {_LONGEST_FILE}")
    try:
        return tomllib.loads(text)
    except ValueError as exc:  # no TOML, or a number of too many digits
        raise PolicyError(f"the policies are no TOML: {str(exc)[:200]}") from exc
    except RecursionError:
        raise PolicyError("the policies cannot be read: brackets are nested too deep") from None


def _policies(table: Any, find: Find) -> list[Policy]:
    """Read a policy, and its candidate."""
    if not isinstance(table, dict) or not isinstance(table.get("name"), str):
        raise PolicyError(f"each [[policy]] needs a name; found {shown(table)}")
    where = f"policy {shown(table['name'])}"
    _check_names(where, table, _POLICY)
    try:
        policy = _policy(table, where, find)
        candidate = _value(table, "candidate", str, "", where)
        return [policy, _candidate(policy, Quota.parse(candidate))] if candidate else [policy]
    except (QuotaError, PolicyError) as exc:
        text = str(exc)
        raise PolicyError(text if text.startswith(where) else f"{where}: {text}") from exc


def _policy(table: dict[str, Any], where: str, find: Find) -> Policy:
    key = _value(table, "key", str, "client", where)
    return Policy(
        name=table["name"],
        quota=Quota.parse(_value(table, "quota", str, "", where)),
        key=_key(key, find),
        cost=_value(table, "cost", int, 1, where),
        mode=_word(table, "mode", Mode.ENFORCE, where),
        failure=_word(table, "failure", Failure.FAIR_SHARE, where),
        routes=_routes(table, "routes", where),
        overrides=_overrides(table, key, where),
        exempt=_networks(table, "exempt", where),
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


def _key(text: str, find: Find) -> KeyFunction:
    kind, _, name = text.partition(":")
    if text == "client":
        return by_client
    if text == "everyone":
        return by_everyone
    if kind == "header" and _HEADER.fullmatch(name):
        return by_header(name.lower())
    if kind == "function" and name:
        return find(name)
    if _NETWORK_KEY.fullmatch(text) and 16 <= _prefix(text) <= 128:
        return by_network(_prefix(text))
    raise PolicyError(
        "key is 'client', 'client/48' (any IPv6 prefix from 16), 'header:NAME',"
        f" 'function:package.module:name' or 'everyone'; found {shown(text)}"
    )


def _prefix(key: str) -> int:
    return int(key.partition("/")[2] or 64)


def _overrides(table: Mapping[str, Any], key: str, where: str) -> Mapping[str, Quota]:
    """Read overrides by the keys that the policy has; any text where a function gives them."""
    found = _value(table, "overrides", dict, {}, where)
    if not all(isinstance(quota, str) for quota in found.values()):
        raise PolicyError(
            f"overrides are quotas by key, like {{ '192.0.2.9' = '9/m' }}; found {shown(found)}"
        )
    quotas = {subject: Quota.parse(quota) for subject, quota in found.items()}
    kind, _, name = key.partition(":")
    if not quotas or kind == "function":
        return quotas
    if kind == "header":
        return of_header(quotas, name.lower())
    if kind == "everyone":
        return of_everyone(quotas)
    return of_clients(quotas, _prefix(key))


def _routes(table: Mapping[str, Any], name: str, where: str) -> tuple[Route, ...]:
    return tuple(Route.parse(route) for route in _texts(table, name, where))


def _networks(table: Mapping[str, Any], name: str, where: str) -> Networks:
    try:
        return Networks(_texts(table, name, where))
    except PolicyError as exc:
        raise PolicyError(f"{name}: {exc}") from exc


def _check_reach(
    policies: Sequence[Policy], exempt: Sequence[Route], exempt_paths: frozenset[str]
) -> None:
    """Refuse a route that lies wholly in what is exempt."""
    for policy in policies:
        for route in policy.routes:
            is_own = exempt_paths.issuperset(route.template.examples())
            by = "the service" if is_own else _covering(route, exempt)
            if by:
                raise PolicyError(
                    f"policy {policy.name!r}: route {route.text!r} can never match, since it is"
                    f" exempt by {by}; remove one of them"
                )


def _covering(route: Route, exempt: Sequence[Route]) -> str:
    found = (repr(other.text) for other in exempt if route.is_within(other))
    return next(found, "")


def _check_networks(policies: Sequence[Policy], allow: Networks, deny: Networks) -> None:
    """Refuse an exempt network that is denied."""
    lists = [("allow", allow), *((f"policy {p.name!r}: exempt", p.exempt) for p in policies)]
    for name, networks in lists:
        if within := networks.within(deny):
            raise PolicyError(f"{name}: {', '.join(within)} is in deny, which comes first")


def _check_names(where: str, table: Mapping[str, Any], known: set[str]) -> None:
    if unknown := sorted(table.keys() - known):
        found = ", ".join(name if name.isidentifier() else shown(name) for name in unknown[:5])
        raise PolicyError(f"{where} has {found}; known are {', '.join(sorted(known))}")


def _texts(table: Mapping[str, Any], name: str, where: str) -> list[str]:
    texts = _value(table, name, list, [], where)
    if not all(isinstance(text, str) for text in texts):
        raise PolicyError(f"{where}: {name} is a list of texts; found {shown(texts)}")
    return [str(text) for text in texts]


def _value(table: Mapping[str, Any], name: str, kind: type, default: Any, where: str) -> Any:
    value = table.get(name, default)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise PolicyError(f"{where}: {name} is a {kind.__name__}; found {shown(value)}")
    return value


def _word(table: Mapping[str, Any], name: str, default: Word, where: str) -> Word:
    value = table.get(name, default.value)
    allowed = [member.value for member in type(default)]
    if value not in allowed:
        raise PolicyError(f"{where}: {name} is one of {', '.join(allowed)}; found {shown(value)}")
    return type(default)(value)
