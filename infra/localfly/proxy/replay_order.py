"""A machine's order to replay its request elsewhere (docs/fly-api.md 6.4), in its two forms: the
header `fly-replay`, and a body of the type `application/vnd.fly.replay+json`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from localfly.errors import InvalidArgumentError
from localfly.proxy.head import Headers, RequestHead
from localfly.proxy.selector import ANY, Selector, parse_regions
from localfly.timing.duration import parse_duration

_JSON_TYPE: Final = b"application/vnd.fly.replay+json"
_LARGEST_BODY: Final = 64 * 1024
# No two of its parts match the same characters, so that no text makes it backtrack.
_FIELD: Final = re.compile(r'\s*([a-z_]+)\s*=(?:\s*"([^"]*)"\s*|([^;"]*))(?:;|$)')
_HEADER_FIELDS: Final = frozenset(
    {"region", "instance", "prefer_instance", "app", "state", "elsewhere", "timeout", "fallback"}
)
_JSON_FIELDS: Final = _HEADER_FIELDS | {"transform", "cache", "allow_bypass"}
_FALLBACKS: Final = frozenset({"", "force_self", "prefer_self"})
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PATH: Final = re.compile(r"/[!-~]*")
# They are sent in headers of the replayed request.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}|")
_REGIONS: Final = re.compile(r"[A-Za-z0-9_, -]{0,1000}")
_LONGEST_TTL_SECONDS: Final = 2**31
_TTL_DIGITS: Final = 20
_SHOWN: Final = 200  # of what was found
_VALUE: Final = re.compile(r"[\t -~\x80-\xff]*")
# They frame the body: a machine that could change them could smuggle a request.
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding", b"connection", b"upgrade"})


_FORMS: Final = {"instance": _NAME, "prefer_instance": _NAME, "app": _NAME, "region": _REGIONS}


class InvalidReplayError(ValueError):
    """The order is invalid; the message says what was found."""


@dataclass(frozen=True, slots=True)
class Transform:
    """How the replayed request differs."""

    path: bytes = b""
    deleted: frozenset[bytes] = frozenset()
    added: tuple[tuple[bytes, bytes], ...] = ()

    def applied_to(self, head: RequestHead) -> RequestHead:
        gone = self.deleted | {name for name, _ in self.added}
        kept = [pair for pair in head.headers if pair[0] not in gone]
        return replace(head, target=self.path or head.target, headers=[*kept, *self.added])


@dataclass(frozen=True, slots=True)
class CacheOrder:
    """What is to be cached of a replay, or invalidated."""

    pattern: str = ""
    ttl_seconds: int = 0
    may_be_skipped: bool = False
    invalidates: bool = False


@dataclass(frozen=True, slots=True)
class ReplayOrder:
    """Where the request is to go."""

    app: str = ""  # empty: the same one
    selector: Selector = ANY
    elsewhere: bool = False
    state: str = ""
    timeout_seconds: float | None = None
    fallback: str = ""  # "" | force_self | prefer_self
    transform: Transform | None = None
    cache: CacheOrder | None = None


class ReplayAnswer:
    """An answer that is an order: its head, and its body as far as it was read."""

    def __init__(self, header: str | None, headers: Headers) -> None:
        self._header = header
        self._headers = headers
        self._body = bytearray()

    def add(self, data: bytes) -> None:
        if len(self._body) <= _LARGEST_BODY:
            self._body += data

    def order(self) -> ReplayOrder:
        """What it says.

        Raises:
            InvalidReplayError: Fly would not understand it.
        """
        if self._header is None:
            return parse_body(bytes(self._body))
        cache = _cache_of_headers(dict(self._headers))
        return replace(parse_header(self._header), cache=cache)


def announced(headers: Headers) -> ReplayAnswer | None:
    """Return the order that an answer with these headers is; None for an ordinary answer."""
    is_json = False
    for name, value in headers:
        if name == b"fly-replay":
            return ReplayAnswer(value.decode("latin-1"), headers)
        if name == b"content-type" and value.startswith(_JSON_TYPE):
            is_json = True
    return ReplayAnswer(None, headers) if is_json else None


def parse_body(body: bytes) -> ReplayOrder:
    """Parse the order in its JSON form.

    Raises:
        InvalidReplayError: it is too large, is no JSON, or has a wrong field.
    """
    if len(body) > _LARGEST_BODY:
        raise InvalidReplayError(f"the body is larger than {_LARGEST_BODY} bytes")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise InvalidReplayError(f"the body is not JSON: {exc}") from exc
    if not isinstance(document, dict) or not document.keys() <= _JSON_FIELDS:
        raise InvalidReplayError(f"allowed are the fields {', '.join(sorted(_JSON_FIELDS))}")
    fields = {
        name: _text(name, value) for name, value in document.items() if name in _HEADER_FIELDS
    }
    try:
        transform = _transform(document["transform"]) if "transform" in document else None
        cache = _cache_of_json(document)
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise InvalidReplayError(f"transform or cache: {_shown(exc)}") from exc
    return _replay(fields, transform, cache)


def parse_header(value: str) -> ReplayOrder:
    """Parse the order in its header form, without the headers about caching.

    Raises:
        InvalidReplayError: it is too large, or has a wrong field.
    """
    if len(value) > _LARGEST_BODY:
        raise InvalidReplayError(f"the header is larger than {_LARGEST_BODY} bytes")
    return _replay(dict(_header_fields(value)), None, None)


def _header_fields(value: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(value):
        found = _FIELD.match(value, position)
        if not found or found.end() == position:
            raise InvalidReplayError(f"expected name=value;name=value, found {_shown(value)}")
        yield found[1], found[2] if found[2] is not None else found[3].strip()
        position = found.end()


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    raise InvalidReplayError(f"{name} must be a text, found {_shown(value)}")


def _shown(found: object) -> str:
    text = repr(found)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _replay(
    fields: Mapping[str, str], transform: Transform | None, cache: CacheOrder | None
) -> ReplayOrder:
    if unknown := fields.keys() - _HEADER_FIELDS:
        raise InvalidReplayError(f"unknown field {_shown(min(unknown))}")
    regions, fallback = parse_regions(fields.get("region", "")), fields.get("fallback", "")
    elsewhere = fields.get("elsewhere", "") == "true"
    if fallback not in _FALLBACKS:
        raise InvalidReplayError(
            f"fallback must be force_self or prefer_self, found {_shown(fallback)}"
        )
    for name, form in _FORMS.items():
        if not form.fullmatch(fields.get(name, "")):
            raise InvalidReplayError(f"{name} can't be {_shown(fields[name])}")
    selector = Selector(
        force=fields.get("instance", ""),
        prefer=fields.get("prefer_instance", ""),
        regions=regions,
        is_bound_to_regions=bool(regions),
    )
    app, state = fields.get("app", ""), fields.get("state", "")
    if not (app or elsewhere or selector != ANY):
        raise InvalidReplayError("it names no region, instance, app, nor elsewhere=true")
    if not _VALUE.fullmatch(state):
        raise InvalidReplayError(f"state can't be sent in a header: {_shown(state)}")
    return ReplayOrder(
        app, selector, elsewhere, state, _timeout(fields), fallback, transform, cache
    )


def _timeout(fields: Mapping[str, str]) -> float | None:
    if "timeout" not in fields:
        return None
    try:
        return parse_duration(fields["timeout"], "timeout")
    except InvalidArgumentError as exc:
        raise InvalidReplayError(str(exc)) from exc


def _transform(raw: Mapping[str, Any]) -> Transform:
    path, deleted = raw.get("path") or "", raw.get("delete_headers") or ()
    if isinstance(deleted, str):
        raise TypeError(f"delete_headers must be a list, found {_shown(deleted)}")
    added = tuple((pair["name"], pair["value"]) for pair in raw.get("set_headers") or ())
    if path and not _PATH.fullmatch(path):
        raise ValueError(f"path {_shown(path)}")
    for name, value in added:
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError(f"header {_shown(name)}")
    return Transform(
        path=path.encode(),
        deleted=frozenset(name.lower().encode() for name in deleted) - _FRAMING,
        added=tuple(
            (lower, value.encode("latin-1"))
            for name, value in added
            if (lower := name.lower().encode()) not in _FRAMING
        ),
    )


def _cache_of_json(document: Mapping[str, Any]) -> CacheOrder | None:
    raw = document.get("cache")
    if raw is None:
        return None
    return CacheOrder(
        pattern=str(raw.get("prefix") or ""),
        ttl_seconds=_ttl(raw.get("ttl") or 0),
        may_be_skipped=bool(document.get("allow_bypass") or raw.get("allow_bypass")),
        invalidates=bool(raw.get("invalidate")),
    )


def _ttl(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"ttl must be a whole number of seconds, found {_shown(value)}")
    if not 0 <= value <= _LONGEST_TTL_SECONDS:
        raise ValueError(f"ttl must be 0 to {_LONGEST_TTL_SECONDS} seconds, found {_shown(value)}")
    return value


def _cache_of_headers(headers: Mapping[bytes, bytes]) -> CacheOrder | None:
    value = headers.get(b"fly-replay-cache", b"").decode("latin-1").strip()
    if not value:
        return None
    if value == "invalidate":
        return CacheOrder(invalidates=True)
    ttl = headers.get(b"fly-replay-cache-ttl-secs", b"0").strip()
    bypass = headers.get(b"fly-replay-cache-allow-bypass", b"").strip().lower()
    may_be_skipped = bypass in {b"yes", b"true", b"1"}
    if not ttl.isdigit():
        return CacheOrder(value, 0, may_be_skipped)
    if len(ttl) > _TTL_DIGITS:
        raise InvalidReplayError(f"fly-replay-cache-ttl-secs has {len(ttl)} digits")
    return CacheOrder(value, min(int(ttl), _LONGEST_TTL_SECONDS), may_be_skipped)
