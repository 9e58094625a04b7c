"""Orders to replay that no sane machine gives: each is followed or refused, at once."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from localfly.proxy.head import RequestHead
from localfly.proxy.leg import Leg, Source
from localfly.proxy.replay_cache import ReplayCache, Subject, _prefixes
from localfly.proxy.replay_order import (
    CacheOrder,
    InvalidReplayError,
    ReplayOrder,
    announced,
    parse_body,
    parse_header,
)
from localfly.proxy.selector import Selector

HERE = Source("me", "demo", "iad", 1_700_000_000_000_000)
LONGEST_REFUSAL = 1000

# Unlikely texts, in place of any value.
WILD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([10**400, -1, 1e308, "9" * 50 + "h", "1e999s", "a\r\nb: c", "\ud800", "ü🙂"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)
FIELDS = ["region", "instance", "prefer_instance", "app", "state", "elsewhere", "timeout"]
PARTS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("path", "set_headers", "delete_headers"), WILD),
        **dict.fromkeys(("prefix", "ttl", "allow_bypass", "invalidate"), WILD),
    },
)
ORDERS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys([*FIELDS, "fallback", "allow_bypass"], WILD),
        **dict.fromkeys(("transform", "cache"), WILD | PARTS),
    },
)


def follow(order: ReplayOrder) -> None:
    """What the proxy does with an order that it has understood."""
    leg = Leg("demo", "iad").replayed(order, HERE)
    for one in (leg, leg.fallback("timeout", 0.1)):
        lines = one.headers_for("me") if one else b""
        assert lines.count(b"\r\n") == lines.count(b"\n") == len(lines.splitlines())
    if order.transform:
        order.transform.applied_to(RequestHead(b"GET", b"/", headers=[(b"host", b"demo")]))
    ReplayCache(time.time).learn(
        Subject("demo", "demo.localhost", "/a/b", RequestHead()), (), order, leg.app, leg.selector
    )
    assert 0 <= (order.timeout_seconds or 0) < 1e10


HEADERS = ORDERS.map(lambda order: ";".join(f"{name}={value}" for name, value in order.items()))


@given(st.text(max_size=60) | HEADERS)
@settings(max_examples=50)
def test_whatever_a_header_orders_is_followed_or_refused(text: str) -> None:
    """And never leaves a client waiting."""
    try:
        order = parse_header(text)
    except InvalidReplayError:
        return
    follow(order)


@given(ORDERS)
@settings(max_examples=50)
def test_whatever_a_body_orders_is_followed_or_refused(document: dict[str, Any]) -> None:
    """Of any type, in any place; what can't be a header is in none."""
    try:
        order = parse_body(json.dumps(document).encode())
    except InvalidReplayError:
        return
    follow(order)


@pytest.mark.parametrize(
    "body",
    [
        '{"app": "a", "cache": {"prefix": "/", "ttl": 1e999}}',
        '{"app": "a", "cache": {"prefix": "/", "ttl": NaN}}',
        '{"app": "a", "cache": {"prefix": "/", "ttl": "60"}}',
        '{"app": "a", "cache": {"prefix": "/", "ttl": true}}',
        '{"app": "a", "cache": {"prefix": "/", "ttl": -1}}',
        '{"app": "a", "cache": {"prefix": "/", "ttl": 1' + "0" * 5000 + "}}",
        '{"app": "a", "cache": {"prefix": "/", "ttl": 1' + "0" * 4000 + "}}",
        '{"app": "a", "cache": [[]]}',
        '{"app": "a", "timeout": "' + "9" * 50_000 + '"}',
        '{"app": "a", "timeout": "' + "9" * 60 + 'h"}',
        '{"app": "a", "transform": {"delete_headers": "host"}}',
        '{"app": ["a"]}',
        '{"instance": "a\\r\\nx: y"}',
        '{"region": "🙂"}',
        "[" * 60_000,
        '{"app":' * 10_000,
    ],
    ids=lambda body: body[:60],
)
def test_numbers_and_depths_that_can_t_be_are_refused(body: str) -> None:
    """With what was found, in a line; they used to leave the client waiting for ever."""
    with pytest.raises(InvalidReplayError) as refused:
        parse_body(body.encode())
    assert len(str(refused.value)) < LONGEST_REFUSAL


@pytest.mark.parametrize(
    "header",
    ["app=" + " " * 60_000 + '"', "app=" + " " * 60_000 + "x=", " " * 60_000, "app=a" * 60_000],
    ids=["spaces", "more spaces", "nothing else", "large"],
)
def test_a_long_header_is_refused_at_once(header: str) -> None:
    """Linear in its length: such ones took minutes."""
    with pytest.raises(InvalidReplayError):
        parse_header(header)


def test_a_cache_time_of_too_many_digits_is_refused() -> None:
    """In the header's own form."""
    headers = [
        (b"fly-replay", b"app=a"),
        (b"fly-replay-cache", b"demo.localhost/*"),
        (b"fly-replay-cache-ttl-secs", b"9" * 5000),
    ]
    announcement = announced(headers)
    assert announcement
    with pytest.raises(InvalidReplayError, match="5000 digits"):
        announcement.order()


def test_a_path_of_many_parts_costs_little() -> None:
    """Each part is a look into the memory, and a copy of what stands before it."""
    cache = ReplayCache(time.time)
    order = ReplayOrder("b", cache=CacheOrder("/a", 60))
    cache.learn(subject("/a"), (), order, "b", Selector())
    assert cache.find(subject("/a/b"), ())
    assert len(list(_prefixes("/a" * 30_000))) < 1000


def subject(path: str) -> Subject:
    return Subject("demo", "demo.localhost", path, RequestHead())
