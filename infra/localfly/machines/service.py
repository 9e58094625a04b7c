"""A service of a machine's config (docs/fly-api.md 3): a port of the proxy, with its rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from localfly.errors import InvalidArgumentError

_DEFAULT_SOFT_LIMIT: Final = 20
_LEAST_TTL_SECONDS: Final = 10
_AUTOSTOP: Final = {False: "", "off": "", True: "stop", "stop": "stop", "suspend": "suspend"}
_LIMIT_KINDS: Final = ("connections", "requests")
_RULE_KINDS: Final = ("cookie", "header")


@dataclass(frozen=True, slots=True)
class ReplayRule:
    """Replays of requests with the same cookie or header value are remembered."""

    host: str  # empty: any
    path: str  # the shortest path that it covers, without a closing slash
    ttl_seconds: int
    kind: str  # cookie | header
    name: str
    may_be_skipped: bool


@dataclass(frozen=True, slots=True)
class Service:
    """A port of the machine that the proxy serves."""

    internal_port: int
    speaks_http: bool
    forces_https: bool
    counts_connections: bool  # one connection for each request; else connections are pooled
    soft_limit: int
    hard_limit: int | None
    autostart: bool
    autostop: str  # what happens to an idle machine: "" | stop | suspend
    least_running: int  # kept running in the primary region
    pristine: bool
    response_headers: tuple[tuple[str, str], ...]
    replay_rules: tuple[ReplayRule, ...]


def parse_service(raw: Mapping[str, Any]) -> Service:
    """Parse one of `config.services`.

    Raises:
        InvalidArgumentError: naming the key, what was found and what is allowed.
    """
    port = raw.get("internal_port")
    if not isinstance(port, int) or not 0 < port < 65536:
        raise InvalidArgumentError(
            f"invalid_argument: services.internal_port must be 1 to 65535, found {port!r}"
        )
    ports = [entry for entry in raw.get("ports") or [] if "http" in (entry.get("handlers") or [])]
    options = (ports[0].get("http_options") or {}) if ports else {}
    response = options.get("response") or {}
    concurrency = raw.get("concurrency") or {}
    kind = _one_of(_LIMIT_KINDS, concurrency.get("type") or "connections", "concurrency.type")
    return Service(
        internal_port=port,
        speaks_http=bool(ports),
        forces_https=any(entry.get("force_https") for entry in ports),
        counts_connections=kind == "connections",
        soft_limit=concurrency.get("soft_limit") or _DEFAULT_SOFT_LIMIT,
        hard_limit=concurrency.get("hard_limit") or None,
        autostart=raw.get("autostart") is not False,
        autostop=_autostop(raw.get("autostop")),
        least_running=raw.get("min_machines_running") or 0,
        pristine=bool(response.get("pristine")),
        response_headers=tuple((response.get("headers") or {}).items()),
        replay_rules=tuple(map(_replay_rule, options.get("replay_cache") or ())),
    )


def _autostop(found: object) -> str:
    if found is None:
        return ""
    if isinstance(found, bool | str) and found in _AUTOSTOP:
        return _AUTOSTOP[found]
    raise InvalidArgumentError(
        "invalid_argument: services.autostop must be true, false, 'off', 'stop' or 'suspend', "
        f"found {found!r}"
    )


def _replay_rule(raw: Mapping[str, Any]) -> ReplayRule:
    host, path = split_pattern(raw.get("path_prefix") or "/")
    ttl = raw.get("ttl_seconds")
    if not isinstance(ttl, int) or ttl < _LEAST_TTL_SECONDS:
        raise InvalidArgumentError(
            f"invalid_argument: replay_cache.ttl_seconds must be at least {_LEAST_TTL_SECONDS}, "
            f"found {ttl!r}"
        )
    return ReplayRule(
        host=host,
        path=path,
        ttl_seconds=ttl,
        kind=_one_of(_RULE_KINDS, raw.get("type"), "replay_cache.type"),
        name=str(raw.get("name") or ""),
        may_be_skipped=bool(raw.get("allow_bypass")),
    )


def split_pattern(pattern: str) -> tuple[str, str]:
    """Return host (perhaps none) and path of `[host]/some/path[/*]`."""
    host, slash, path = pattern.partition("/")
    path = f"{slash}{path}".removesuffix("*").rstrip("/")
    return host.lower(), path


def _one_of(allowed: tuple[str, ...], found: object, key: str) -> str:
    if found in allowed:
        return str(found)
    raise InvalidArgumentError(
        f"invalid_argument: services.{key} must be one of {', '.join(allowed)}, found {found!r}"
    )
