"""Decides each leg of a request's way: the first one, and those that machines order."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from localfly.machines.service import ReplayRule
from localfly.proxy.backend import Backend
from localfly.proxy.head import RequestHead
from localfly.proxy.leg import Leg, Source
from localfly.proxy.proxy_error import (
    BODY_TOO_LARGE_TO_REPLAY,
    FOREIGN_APP,
    INVALID_REPLAY,
    TOO_MANY_REPLAYS,
    UNKNOWN_REPLAY_APP,
    ProxyError,
)
from localfly.proxy.replay_cache import ReplayCache, Subject
from localfly.proxy.replay_order import InvalidReplayError, ReplayAnswer, ReplayOrder
from localfly.proxy.routing_table import RoutingTable
from localfly.proxy.selector import ANY, selector_of
from localfly.timing.clock import Clock

_MAX_REPLAYS: Final = 10

# The organization and private network of an app; None if there is no such app.
NetworkOf = Callable[[str], tuple[str, str] | None]


class RefusedReplayError(Exception):
    """An order is not followed; the client gets this answer."""

    def __init__(self, answer: ProxyError) -> None:
        super().__init__(answer.text)
        self.answer = answer


class Routing:
    """Decides legs, with the cache of former replays."""

    def __init__(self, table: RoutingTable, network_of: NetworkOf, clock: Clock) -> None:
        self.cache = ReplayCache(clock)
        self._table = table
        self._network_of = network_of
        self._clock = clock

    def knows(self, app: str) -> bool:
        return self._network_of(app) is not None

    def forces_https(self, app: str) -> bool:
        return any(b.service.forces_https for b in self._table.backends(app)[:1])

    def first(self, app: str, head: RequestHead, here: str) -> Leg:
        """Return the first leg of a request."""
        selector = selector_of(head.fly) if head.fly else ANY
        leg = Leg(app, here, selector)
        if not len(self.cache):
            return leg
        entry = self.cache.find(Subject.of(app, head), self._rules(app))
        if entry is None:
            return leg
        if entry.may_be_skipped and head.fly.get(b"fly-replay-cache-control") == b"skip":
            leg.skips_cache = True
            return leg
        return Leg(entry.app, here, entry.selector, remembered=entry)

    def forgotten(self, leg: Leg, app: str, head: RequestHead) -> Leg:
        """Return the first leg without the cached replay, which led to no machine."""
        if leg.remembered:
            self.cache.drop(leg.remembered)
        return Leg(app, leg.here, selector_of(head.fly) if head.fly else ANY)

    def next(self, leg: Leg, announcement: ReplayAnswer, source: Backend, subject: Subject) -> Leg:
        """Return the leg that a machine has ordered.

        Raises:
            RefusedReplayError: it breaks a rule, or is invalid.
        """
        order = self._understood(leg, announcement)
        now = int(self._clock() * 1_000_000)
        origin = Source(source.machine_id, source.app, source.region, now)
        leg = leg.replayed(order, origin)
        self._check_app(source.app, leg.app)
        # A rule belongs to the app of the client's request, not to the one that it was replayed to.
        self.cache.learn(subject, self._rules(subject.app), order, leg.app, leg.selector)
        return leg

    def _understood(self, leg: Leg, announcement: ReplayAnswer) -> ReplayOrder:
        if leg.replays >= _MAX_REPLAYS:
            raise RefusedReplayError(TOO_MANY_REPLAYS)
        if leg.is_fallback:
            raise RefusedReplayError(_invalid("a request that came back must not be replayed"))
        try:
            return announcement.order()
        except InvalidReplayError as exc:
            raise RefusedReplayError(_invalid(str(exc))) from exc

    def _check_app(self, source: str, target: str) -> None:
        network = self._network_of(target)
        if network is None:
            raise RefusedReplayError(UNKNOWN_REPLAY_APP)
        if network != self._network_of(source):
            raise RefusedReplayError(FOREIGN_APP)

    def _rules(self, app: str) -> tuple[ReplayRule, ...]:
        backends = self._table.backends(app)
        return backends[0].service.replay_rules if backends else ()


def check_body(head: RequestHead, *, can_be_sent_again: bool) -> None:
    """Raise RefusedReplayError for a request of more than 1 MB."""
    if not can_be_sent_again or head.content_length > MAX_REPLAYED_BYTES:
        raise RefusedReplayError(BODY_TOO_LARGE_TO_REPLAY)


MAX_REPLAYED_BYTES: Final = 1024 * 1024


def _invalid(reason: str) -> ProxyError:
    return replace(INVALID_REPLAY, text=f"{INVALID_REPLAY.text}: {reason}")
