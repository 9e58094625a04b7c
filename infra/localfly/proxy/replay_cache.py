"""Cached replays (docs/fly-api.md 6.4): for the paths that an order named, and for the cookies and
headers that the app's config names.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from localfly.machines.service import ReplayRule, split_pattern
from localfly.proxy.head import RequestHead
from localfly.proxy.replay_order import ReplayOrder
from localfly.proxy.selector import Selector
from localfly.timing.clock import Clock

_LEAST_TTL_SECONDS: Final = 10
_MOST_ENTRIES: Final = 10_000
_LONGEST_PATH: Final = 1024

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Remembered:
    """A cached replay: where requests of one key go at once."""

    key: Key
    app: str
    selector: Selector
    expires_at: float
    may_be_skipped: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """The parts of a request that decide which cached replays are its own."""

    app: str
    host: str
    path: str
    head: RequestHead

    @classmethod
    def of(cls, app: str, head: RequestHead) -> "Subject":
        host = head.value(b"host").decode("latin-1").partition(":")[0].lower()
        path = head.target.decode("latin-1").partition("?")[0]
        return cls(app, host, path, head)


class ReplayCache:
    """A bounded cache: what was cached first is dropped first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[Key, Remembered] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, subject: Subject, rules: Sequence[ReplayRule]) -> Remembered | None:
        """Return the cached replay of the request: by its longest path, else by
        its longest rule.
        """
        if not self._entries:
            return None
        for key in _keys(subject, rules):
            entry = self._entries.get(key)
            if entry and entry.expires_at > self._clock():
                return entry
            self._entries.pop(key, None)
        return None

    def learn(
        self,
        subject: Subject,
        rules: Sequence[ReplayRule],
        order: ReplayOrder,
        app: str,
        selector: Selector,
    ) -> None:
        """Cache the replay if the order, or a rule for its request, says so; drop what it
        invalidates.
        """
        if order.cache and order.cache.invalidates:
            self.forget(subject, rules)
            return
        # Such a replay would be another one the next time.
        if order.state or order.transform or order.fallback or order.timeout_seconds is not None:
            return
        if path_key := _path_to_learn(subject, order):
            assert order.cache is not None  # noqa: S101 (it gave the key)
            ttl, skip = order.cache.ttl_seconds, order.cache.may_be_skipped
            self._keep(Remembered(path_key, app, selector, self._clock() + ttl, skip))
        for rule, key in _session_keys(subject, rules):
            expires_at = self._clock() + rule.ttl_seconds
            self._keep(Remembered(key, app, selector, expires_at, rule.may_be_skipped))
            break  # the longest path wins

    def forget(self, subject: Subject, rules: Sequence[ReplayRule]) -> None:
        """Drop the request's entries."""
        for key in _keys(subject, rules):
            self._entries.pop(key, None)

    def drop(self, entry: Remembered) -> None:
        """Drop an entry that led to no machine."""
        self._entries.pop(entry.key, None)

    def _keep(self, entry: Remembered) -> None:
        self._entries.pop(entry.key, None)  # so that it counts as the newest
        self._entries[entry.key] = entry
        if len(self._entries) > _MOST_ENTRIES:
            del self._entries[next(iter(self._entries))]


def _keys(subject: Subject, rules: Sequence[ReplayRule]) -> Iterator[Key]:
    for path in _prefixes(subject.path):
        yield "path", subject.app, subject.host, path
    for _, key in _session_keys(subject, rules):
        yield key


def _prefixes(path: str) -> Iterator[str]:
    """Yield `/a/b`, then `/a`, then the root (the empty text)."""
    if len(path) > _LONGEST_PATH:  # nothing below is cached, and each part costs a look-up
        path = path[: _LONGEST_PATH + 1].rpartition("/")[0]
    path = path.rstrip("/")
    while path:
        yield path
        path = path.rpartition("/")[0]
    yield ""


def _path_to_learn(subject: Subject, order: ReplayOrder) -> Key | None:
    """Return the key of the order's pattern; None if there is none, or it is too short-lived, or
    not for this request.
    """
    cache = order.cache
    if cache is None or not cache.pattern or cache.ttl_seconds < _LEAST_TTL_SECONDS:
        return None
    host, path = split_pattern(cache.pattern)
    if host not in {"", subject.host} or path not in _prefixes(subject.path):
        return None
    return "path", subject.app, subject.host, path


def _session_keys(
    subject: Subject, rules: Sequence[ReplayRule]
) -> Iterator[tuple[ReplayRule, Key]]:
    """Yield each rule that covers the request, the longest path first."""
    paths = frozenset(_prefixes(subject.path)) if rules else frozenset()
    covering = [r for r in rules if r.path in paths and r.host in {"", subject.host}]
    for rule in sorted(covering, key=lambda rule: len(rule.path), reverse=True):
        if value := _identity(subject.head, rule):
            yield rule, ("session", subject.app, subject.host, rule.path, rule.name, value)


def _identity(head: RequestHead, rule: ReplayRule) -> str:
    if rule.kind == "header":
        return head.value(rule.name.lower().encode()).decode("latin-1")
    for part in head.value(b"cookie").decode("latin-1").split(";"):
        name, _, value = part.strip().partition("=")
        if name == rule.name:
            return value
    return ""
