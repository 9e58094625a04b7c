"""What machines order and what is remembered of it: the documented fields of `fly-replay`, its
JSON form, and the two replay caches.
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from localfly.machines.service import ReplayRule, parse_service, split_pattern
from localfly.proxy.head import RequestHead
from localfly.proxy.leg import Leg, Source
from localfly.proxy.replay_cache import ReplayCache, Subject
from localfly.proxy.replay_order import (
    InvalidReplayError,
    ReplayOrder,
    Transform,
    announced,
    parse_body,
    parse_header,
)
from localfly.proxy.routing import RefusedReplayError, Routing
from localfly.proxy.routing_table import RoutingTable
from localfly.proxy.selector import Selector

from tests.support.backends import backend

HERE = Source("me", "demo", "iad", 1_700_000_000_000_000)


def bound(*regions: str) -> Selector:
    return Selector(regions=regions, is_bound_to_regions=True)


# Every field of the documented table, and the documented examples.
@pytest.mark.parametrize(
    ("header", "order"),
    [
        ("region=sjc", ReplayOrder(selector=bound("sjc"))),
        ('region="iad,ord,us,na"', ReplayOrder(selector=bound("iad", "ord", "us", "na"))),
        ('region="sjc,any"', ReplayOrder(selector=bound("sjc", "any"))),
        ("instance=00bb33ff", ReplayOrder(selector=Selector(force="00bb33ff"))),
        ("prefer_instance=00bb33ff", ReplayOrder(selector=Selector(prefer="00bb33ff"))),
        ("app=target-app", ReplayOrder(app="target-app")),
        ('region="sjc,any";app=target-app', ReplayOrder("target-app", bound("sjc", "any"))),
        ("elsewhere=true", ReplayOrder(elsewhere=True)),
        ("elsewhere=true;state=abc 1", ReplayOrder(elsewhere=True, state="abc 1")),
        (
            "app=my-worker;timeout=10s;fallback=force_self",
            ReplayOrder("my-worker", timeout_seconds=10, fallback="force_self"),
        ),
        (
            " instance=a ; timeout=800ms; fallback=prefer_self ;",
            ReplayOrder(selector=Selector(force="a"), timeout_seconds=0.8, fallback="prefer_self"),
        ),
    ],
)
def test_the_header_form(header: str, order: ReplayOrder) -> None:
    """Fields are split at semicolons; a list of regions is quoted; both forms mean the same."""
    assert parse_header(header) == order
    fields = {
        "region": ",".join(order.selector.regions),
        "instance": order.selector.force,
        "prefer_instance": order.selector.prefer,
        "app": order.app,
        "state": order.state,
        "fallback": order.fallback,
    }
    document: dict[str, Any] = {name: value for name, value in fields.items() if value}
    if order.elsewhere:
        document["elsewhere"] = True
    if order.timeout_seconds is not None:
        document["timeout"] = f"{order.timeout_seconds * 1000:g}ms"
    assert parse_body(json.dumps(document).encode()) == order


@pytest.mark.parametrize(
    "header",
    [
        *("", ";", "region", "region=", "elsewhere=false", "state=only", "fallback=force_self"),
        *(
            "instance=a;fallback=maybe",
            "instance=a;timeout=soon",
            "planet=mars",
            "instance=a b=c;d",
        ),
    ],
)
def test_wrong_headers(header: str) -> None:
    """What Fly would answer with PA03."""
    with pytest.raises(InvalidReplayError):
        parse_header(header)


@pytest.mark.parametrize(
    "body",
    [
        *("", "no json", "[]", "{}", '{"region": 5}', '{"app": "a", "unknown": 1}'),
        '{"app": "a", "transform": {"path": "no-slash"}}',
        '{"app": "a", "transform": {"path": "/a b"}}',
        '{"app": "a", "transform": {"set_headers": [{"name": "x: y", "value": ""}]}}',
        '{"app": "a", "transform": {"set_headers": [{"name": "x", "value": "1\\r\\ny: 2"}]}}',
        '{"app": "a", "transform": {"set_headers": [{"name": "x"}]}}',
        '{"app": "a", "cache": {"ttl": "soon"}}',
        '{"app": "a", "state": "1\\r\\nx: 2"}',
        '{"app": "' + "a" * 70_000 + '"}',
    ],
)
def test_wrong_bodies(body: str) -> None:
    """No header can be smuggled in, and no document is half understood."""
    with pytest.raises(InvalidReplayError):
        parse_body(body.encode())


@given(st.text(max_size=60))
def test_any_header_is_understood_or_refused(text: str) -> None:
    """Nothing else can happen, whatever a machine writes."""
    try:
        order = parse_header(text)
    except InvalidReplayError:
        return
    assert order.app or order.elsewhere or order.selector != Selector()
    assert not {"\r", "\n"} & set(order.state)


def test_transformed_requests() -> None:
    """Path, deleted and set headers; how the body is framed can't be changed."""
    order = parse_body(
        json.dumps(
            {
                "app": "a",
                "transform": {
                    "path": "/new/path?param=value",
                    "delete_headers": ["X-Unwanted", "cookie", "content-length"],
                    "set_headers": [
                        {"name": "Authorization", "value": "Bearer token123"},
                        {"name": "transfer-encoding", "value": "chunked"},
                    ],
                },
            }
        ).encode()
    )
    assert isinstance(order.transform, Transform)
    head = RequestHead(
        target=b"/old",
        headers=[
            (b"cookie", b"a=1"),
            (b"authorization", b"Basic x"),
            (b"content-length", b"3"),
            (b"x-kept", b"1"),
        ],
    )
    sent = order.transform.applied_to(head)
    assert sent.target == b"/new/path?param=value"
    assert sent.headers == [
        (b"content-length", b"3"),
        (b"x-kept", b"1"),
        (b"authorization", b"Bearer token123"),
    ]
    assert head.target == b"/old"


def test_ordinary_answers_are_no_orders() -> None:
    """Only the header or the content type make one."""
    assert announced([(b"content-type", b"application/json"), (b"fly-replay-cache", b"/")]) is None
    assert announced([(b"fly-replay", b"app=a")]) is not None
    json_type = b"application/vnd.fly.replay+json; charset=utf-8"
    assert announced([(b"content-type", json_type)]) is not None


def test_what_the_target_gets() -> None:
    """The documented contents of fly-replay-src, and of fly-preferred-instance-unavailable."""
    leg = Leg("demo", "fra").replayed(parse_header("prefer_instance=you;state=s1"), HERE)
    assert leg.headers_for("you").decode().splitlines() == [
        "fly-replay-cache-status: miss",
        "fly-replay-src: instance=me;region=iad;t=1700000000000000;state=s1",
    ]
    assert b"fly-preferred-instance-unavailable: you\r\n" in leg.headers_for("other")
    assert Leg("demo", "fra").headers_for("you") == b""


def test_what_the_source_gets_after_a_failure() -> None:
    """The documented contents of fly-replay-failed; a request that came back stays."""
    order = parse_header("instance=gone;app=other;timeout=10s;fallback=force_self")
    back = Leg("demo", "fra").replayed(order, HERE).fallback("timeout", 10.0)
    assert back is not None
    assert (back.app, back.selector) == ("demo", Selector(force="me"))
    assert back.headers_for("me") == (
        b"fly-replay-failed: instance=gone;app=other;region=;replay_source=me;"
        b"reason=timeout;elapsed_ms=10000\r\n"
    )
    assert back.fallback("no_candidate", 0) is None
    assert Leg("demo", "fra").replayed(parse_header("instance=x"), HERE).fallback("x", 0) is None


class Clock:
    """Stands still until a test moves it on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def subject(path: str, host: str = "demo.localhost", **headers: str) -> Subject:
    named = [(name.encode(), value.encode()) for name, value in headers.items()]
    head = RequestHead(target=path.encode(), headers=[(b"host", host.encode()), *named])
    return Subject.of("demo", head)


def order(pattern: str = "", ttl: int = 0, **more: Any) -> ReplayOrder:
    cache = {"prefix": pattern, "ttl": ttl}
    return parse_body(json.dumps({"instance": "you", "cache": cache, **more}).encode())


YOU = Selector(force="you")


def learned(
    pattern: str, ttl: int = 60, path: str = "/some/path/x", **more: Any
) -> tuple[ReplayCache, Clock]:
    clock = Clock()
    cache = ReplayCache(clock)
    cache.learn(subject(path), (), order(pattern, ttl, **more), "demo", YOU)
    return cache, clock


@pytest.mark.parametrize(
    ("pattern", "path", "host", "is_hit"),
    [
        ("/some/path/*", "/some/path/x", "demo.localhost", True),
        ("/some/path", "/some/path", "demo.localhost", True),
        ("/some/path/", "/some/path/a/b?q=1", "demo.localhost", True),
        ("/some/path/*", "/some/pathology", "demo.localhost", False),
        ("/some/path/*", "/some", "demo.localhost", False),
        ("/", "/anything", "demo.localhost", True),
        ("/some/*", "/some/path", "other.localhost", False),
        ("demo.localhost/some/*", "/some/path", "demo.localhost", True),
        ("other.localhost/some/*", "/some/path", "demo.localhost", False),
        ("/other/*", "/other/path", "demo.localhost", False),
    ],
)
def test_the_path_cache(pattern: str, path: str, host: str, is_hit: bool) -> None:
    """By prefix and by host; a pattern that does not match its own request is not kept."""
    cache, _ = learned(pattern)
    found = cache.find(subject(path, host), ())
    assert (found is not None) is is_hit
    if found:
        assert (found.app, found.selector) == ("demo", YOU)


def test_cached_replays_expire() -> None:
    """After their time, which is at least 10 seconds."""
    cache, clock = learned("/some/*", 10)
    clock.now += 9.9
    assert cache.find(subject("/some/path"), ())
    clock.now += 0.2
    assert cache.find(subject("/some/path"), ()) is None
    assert len(cache) == 0
    assert len(learned("/some/*", 9)[0]) == 0


@pytest.mark.parametrize(
    "more",
    [
        {"state": "x"},
        {"timeout": "1s"},
        {"fallback": "force_self"},
        {"transform": {"path": "/new"}},
    ],
)
def test_what_cannot_be_cached(more: dict[str, Any]) -> None:
    """State, transformation, timeout and fallback do not go with the cache."""
    assert len(learned("/some/*", **more)[0]) == 0


def rule(path: str, kind: str = "cookie", name: str = "sid", **more: Any) -> ReplayRule:
    raw = {"path_prefix": path, "ttl_seconds": 60, "type": kind, "name": name, **more}
    port = {"port": 80, "handlers": ["http"], "http_options": {"replay_cache": [raw]}}
    return parse_service({"internal_port": 8080, "ports": [port]}).replay_rules[0]


def test_the_session_cache() -> None:
    """By the value of the cookie or header that the config names, per host and path."""
    cache, clock = ReplayCache(Clock()), Clock()
    cache = ReplayCache(clock)
    rules = (rule("/"), rule("/api", "header", "X-Key", ttl_seconds=600))
    cache.learn(subject("/a", cookie="b=2; sid=s1"), rules, order(), "demo", YOU)
    cache.learn(
        subject("/api/x", **{"x-key": "k1"}), rules, order(), "demo", Selector(force="other")
    )
    assert cache.find(subject("/b", cookie="sid=s1"), rules)
    assert cache.find(subject("/b", cookie="sid=s2"), rules) is None
    assert cache.find(subject("/b"), rules) is None
    assert cache.find(subject("/b", "x.localhost", cookie="sid=s1"), rules) is None
    both = subject("/api/y", cookie="sid=s1", **{"x-key": "k1"})
    found = cache.find(both, rules)
    assert found is not None
    assert found.selector == Selector(force="other"), "the longest path wins"
    clock.now += 61
    assert cache.find(subject("/b", cookie="sid=s1"), rules) is None
    assert cache.find(both, rules) is not None


def test_invalidation() -> None:
    """The target sends the request back and has the way forgotten, for paths and for sessions."""
    cache = ReplayCache(Clock())
    rules = (rule("/"),)
    request = subject("/some/path", cookie="sid=s1")
    cache.learn(request, rules, order("/some/*", 60), "demo", YOU)
    assert len(cache) == 2
    back = parse_body(b'{"app": "demo", "cache": {"invalidate": true}}')
    cache.learn(request, rules, back, "demo", Selector())
    assert len(cache) == 0


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was remembered first is forgotten first."""
    monkeypatch.setattr("localfly.proxy.replay_cache._MOST_ENTRIES", 3)
    cache = ReplayCache(Clock())
    for number in range(5):
        cache.learn(subject(f"/{number}/x"), (), order(f"/{number}/*", 60), "demo", YOU)
    assert len(cache) == 3
    assert cache.find(subject("/1/x"), ()) is None
    assert cache.find(subject("/4/x"), ()) is not None


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        ("/api", ("", "/api")),
        ("/api/", ("", "/api")),
        ("/api/*", ("", "/api")),
        ("Example.com/api/*", ("example.com", "/api")),
        ("/", ("", "")),
        ("/*", ("", "")),
    ],
)
def test_patterns(pattern: str, parts: tuple[str, str]) -> None:
    """`/api`, `/api/` and `/api/*` are one, as documented."""
    assert split_pattern(pattern) == parts


NETWORKS = {"demo": ("personal", "a"), "sibling": ("personal", "a"), "foreign": ("acme", "a")}
ORDERS = [
    *("instance=you", "region=fra", "elsewhere=true", "app=sibling", "app=demo"),
    *("app=foreign", "app=unknown", "planet=mars", "instance=gone;fallback=force_self"),
]


@given(chain=st.lists(st.tuples(st.sampled_from(ORDERS), st.booleans()), max_size=16))
def test_the_guards_for_every_chain_of_replays(chain: list[tuple[str, bool]]) -> None:
    """However machines order, and whichever replays fail: at most 10 of them, within one network,
    none after a fallback, and each target gets the machine that sent the request there.
    """
    routing = Routing(RoutingTable(), NETWORKS.get, Clock())
    leg = routing.first("demo", RequestHead(), "iad")
    for text, fails in chain:
        announcement = announced([(b"fly-replay", text.encode())])
        assert announcement is not None
        source = backend("me", app=leg.app)
        try:
            following = routing.next(leg, announcement, source, subject("/x"))
        except RefusedReplayError as exc:
            code = exc.answer.code
            break
        assert not leg.is_fallback
        assert following.replays == leg.replays + 1 <= 10
        assert NETWORKS[following.app] == NETWORKS["demo"]
        assert b"fly-replay-src: instance=me;" in following.headers_for("other")
        leg = following
        if fails and (back := leg.fallback("no_candidate", 0.1)):
            assert (back.app, back.selector.force) == (source.app, "me")
            leg = back
    else:
        return
    assert code in {"PA02", "PA03", "PA04", "PA05"}
    assert (code == "PA02") == (leg.replays == 10)
