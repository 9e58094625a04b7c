"""Policies: from a file, by route, by key, with exceptions, and replaced while running."""

import re
import textwrap
import tracemalloc
from pathlib import Path

import pytest
from flygate_limiter import (
    FakeClock,
    Limiter,
    MemoryStore,
    Mode,
    PolicyError,
    Request,
    Route,
    Source,
    client_key,
    problem_for,
    read_policies,
)


def limiter(text: str, clock: FakeClock | None = None) -> Limiter:
    """A limiter with the policies of a file, whose clock stands still."""
    clock = clock or FakeClock()
    exempt = frozenset({"/health"})
    return Limiter(read_policies(text, exempt), MemoryStore(clock=clock), clock=clock)


def ask(client: str = "192.0.2.1", path: str = "/", method: str = "GET", **headers: str) -> Request:
    """A request."""
    return Request(client, method, path, client, headers.get)


async def passed(limits: Limiter, request: Request, times: int = 20) -> int:
    """How many of these requests are allowed."""
    return sum([(await limits.check(request)).allowed for _ in range(times)])


@pytest.mark.parametrize(
    ("route", "method", "path", "expected"),
    [
        ("/items/{id}", "GET", "/items/7", True),
        ("/items/{id}", "GET", "/items/7/", True),
        ("/items/{id}", "GET", "/items/7/more", False),
        ("/items/{id}", "GET", "/items/", False),
        ("POST /login", "GET", "/login", False),
        ("POST /login", "POST", "/login", True),
        ("/api/*", "GET", "/api", True),
        ("/api/*", "GET", "/api/v1/x", True),
        ("/api/*", "GET", "/apix", False),
        ("/a.b", "GET", "/aXb", False),
        ("/*", "GET", "/anything", True),
    ],
)
def test_routes(route: str, method: str, path: str, expected: bool) -> None:
    """Templates match segments, a star all below, and dots are dots."""
    assert Route.parse(route).matches(ask(path=path, method=method)) == expected


def test_more_policies_than_a_request_can_be_charged_to() -> None:
    """Refused when they are read, not at a request; those of other routes don't count."""

    def policies(count: int, route: str) -> str:
        policy = '[[policy]]\nname = "p{0}"\nquota = "1/m"\nroutes = ["{1}"]\n'
        return "".join(policy.format(number, route.format(number)) for number in range(count))

    read_policies(policies(300, "/{0}"))
    read_policies(policies(128, "GET /items/{{id}}"))
    with pytest.raises(PolicyError, match=r"at most 128 .* for POST /items/\{id\}"):
        read_policies(policies(129, "POST /items/{{id}}"))
    with pytest.raises(PolicyError, match=r"found 129 for GET /any/\*"):
        read_policies(policies(129, "/any/*"))


async def test_a_policy_for_a_route() -> None:
    """All items share one bucket, and other paths are under the other policy only."""
    limits = limiter("""
        [[policy]]
        name = "all"
        quota = "15/m"
        [[policy]]
        name = "items"
        quota = "4/m"
        routes = ["/items/{id}"]
    """)

    items = [(await limits.check(ask(path=f"/items/{n}"))).allowed for n in range(10)]

    assert sum(items) == 4
    assert await passed(limits, ask(path="/other")) == 11


def test_made_up_paths_take_no_room() -> None:
    """A policy by route remembers what paths are on it, but not all that a flood invents."""
    policies = read_policies('[[policy]]\nname = "a"\nquota = "1/s"\nroutes = ["/a/{id}"]\n')
    tracemalloc.start()
    try:
        for number in range(20_000):
            policies.match(ask(path=f"/made/up/{number}"))
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert grown < 1_000_000


async def test_cost_and_keys() -> None:
    """A cost takes several units; keys may be a header, a larger network, or everyone."""
    limits = limiter("""
        [[policy]]
        name = "costly"
        quota = "10/m"
        cost = 3
        routes = ["/costly"]
        [[policy]]
        name = "token"
        quota = "2/m"
        key = "header:X-Api-Key"
        routes = ["/token"]
        [[policy]]
        name = "network"
        quota = "5/m"
        key = "client/48"
        routes = ["/network"]
        [[policy]]
        name = "total"
        quota = "6/m"
        key = "everyone"
        routes = ["/total"]
    """)

    assert await passed(limits, ask(path="/costly")) == 3
    tokens = [
        await passed(limits, Request("c", path="/token", header={"x-api-key": key}.get))
        for key in ("one", "two")
    ]
    assert tokens == [2, 2]
    networks = [
        await passed(limits, ask(f"2001:db8:1:{n}::1", path="/network"), times=3) for n in range(3)
    ]
    assert networks == [3, 2, 0]
    assert [await passed(limits, ask(f"192.0.2.{n}", "/total"), 4) for n in range(2)] == [4, 2]


async def test_exceptions() -> None:
    """Overrides give a key another quota; exempt, allowed and denied networks are what they say."""
    limits = limiter("""
        allow = ["198.51.100.0/24"]
        deny = ["203.0.113.0/24", "2001:db8:bad::/48"]
        [[policy]]
        name = "default"
        quota = "2/m"
        overrides = { "192.0.2.9" = "7/m" }
        exempt = ["10.0.0.0/8"]
    """)
    refused = await limits.check(ask("::ffff:203.0.113.5"))

    counts = [
        await passed(limits, ask(client))
        for client in ("192.0.2.1", "192.0.2.9", "10.1.2.3", "198.51.100.1", "203.0.113.5")
    ]

    assert counts == [2, 7, 20, 20, 0]
    assert refused.source is Source.DENY_LIST
    assert problem_for(refused).status == 403
    assert (await limits.check(ask("203.0.113.5", "/health"))).allowed


async def test_overrides_by_address_and_network() -> None:
    """An address, in any spelling, and each client of a network; the smallest network counts."""
    limits = limiter("""
        [[policy]]
        name = "default"
        quota = "2/m"
        [policy.overrides]
        "2001:db8:1:2::9" = "3/m"
        "2001:db8::/32" = "4/m"
        "2001:db8:ff::/48" = "5/m"
        "::ffff:192.0.2.9" = "6/m"
        "198.51.100.0/24" = "7/m"
    """)
    clients = {
        "2001:db8:1:2:3:4:5:6": 3,
        "2001:db8:1:3::1": 4,
        "2001:db8:1:4::1": 4,
        "2001:db8:ff::1": 5,
        "192.0.2.9": 6,
        "64:ff9b::c000:209": 0,  # the same client, by a translator
        "198.51.100.1": 7,
        "198.51.100.2": 7,
        "2001:db9::1": 2,
    }

    requests = {name: Request(client_key(name), address=name) for name in clients}

    assert {name: await passed(limits, requests[name]) for name in clients} == clients


async def test_overrides_by_header_and_larger_networks() -> None:
    """A header's name is in any case; a policy by /48 has overrides by /48."""
    limits = limiter("""
        [[policy]]
        name = "token"
        quota = "2/m"
        key = "header:X-Api-Key"
        overrides = { "X-Api-Key=one" = "4/m", "2001:db8::/32" = "5/m" }
        routes = ["/token"]
        [[policy]]
        name = "network"
        quota = "2/m"
        key = "client/48"
        overrides = { "2001:db8:1:2::9" = "6/m" }
        routes = ["/network"]
    """)

    def token(key: str | None) -> Request:
        return Request("2001:db8:0:1::/64", path="/token", header=lambda _: key)

    counts = [await passed(limits, token(key)) for key in ("one", "two", None)]

    assert counts == [4, 2, 5]
    network = ask("2001:db8:1:3::1", "/network")
    assert await passed(limits, network) == 6


async def test_exempt_routes() -> None:
    """A page's assets can be exempt by pattern, though not for who is denied, nor by a detour."""
    limits = limiter("""
        exempt_paths = ["/static/*", "GET /{name}.css"]
        deny = ["203.0.113.0/24"]
        [[policy]]
        name = "default"
        quota = "2/m"
    """)

    async def count(path: str, method: str = "GET") -> int:
        limits.replace(limits.policies)
        return await passed(limits, ask("192.0.2.7", path, method), 5)

    assert await count("/static/app.js") == await count("/static/a/b/c.js") == 5
    assert await count("/site.css") == await count("/site.css", "HEAD") == 5
    assert await passed(limits, ask("203.0.113.5", "/static/app.js")) == 0
    assert await count("/static/../report") == 2
    for path in ("/static//../report", "/static/..\\report", "/staticx"):
        assert await count(path) == 0, path
    assert await count("/site.css", "POST") == 0


async def test_a_candidate_shadows_beside_the_live_quota() -> None:
    """A candidate says what it would refuse, while the live quota decides."""
    limits = limiter("""
        [[policy]]
        name = "default"
        quota = "5/m"
        candidate = "2/m"
    """)
    verdicts = [await limits.check(ask()) for _ in range(5)]

    assert all(verdict.allowed for verdict in verdicts)
    candidates = [verdict.results[1] for verdict in verdicts]
    assert {policy.name for policy, _ in candidates} == {"default.candidate"}
    assert [decision.allowed for _, decision in candidates] == [True] * 2 + [False] * 3
    assert limits.policies.policies[1].mode is Mode.SHADOW


QUOTAS = '[[policy]]\nname = "default"\nquota = "{}"\n'


async def test_replacing_gives_no_free_burst() -> None:
    """A client that was denied is denied under a slower quota of the same size."""
    limits = limiter(QUOTAS.format("10/m"))
    await passed(limits, ask())

    limits.replace(read_policies(QUOTAS.format("10/h")))

    verdict = await limits.check(ask())
    assert not verdict.allowed
    assert verdict.retry_after_seconds == 360
    assert limits.version == 2


async def test_replacing_bans_no_client() -> None:
    """A client that was denied by a slow quota waits one refill of a faster one."""
    limits = limiter(QUOTAS.format("10/h"))
    await passed(limits, ask())

    limits.replace(read_policies(QUOTAS.format("600/m burst 10")))

    assert (await limits.check(ask())).results[0][1].wait_ns == 100_000_000


async def test_replacing_twice_and_later() -> None:
    """What is lacking is carried over once, and what was refilled meanwhile is not owed."""
    clock = FakeClock()
    limits = limiter(QUOTAS.format("10/m"), clock)
    await passed(limits, ask(), times=4)
    limits.replace(read_policies(QUOTAS.format("20/m")))
    first = (await limits.check(ask())).results[0][1].remaining
    clock.advance(seconds=120)
    limits.replace(read_policies(QUOTAS.format("30/m")))

    assert first == 20 - 4 - 1
    assert (await limits.check(ask())).results[0][1].remaining == 29


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[policy]]\nquota='1/s'", "needs a name"),
        ("[[policy]]\nname='a'\nquota='soon'", "policy 'a': a quota is written"),
        ("[[policy]]\nname='a'\nquota='1/s'\nmode='on'", "one of enforce, shadow, off"),
        ("[[policy]]\nname='a'\nquota='1/s'\ncost='2'", "cost is a int"),
        ("[[policy]]\nname='a'\nquota='1/s'\nkey='user'", "found 'user'"),
        ("[[policy]]\nname='a'\nquota='1/s'\nroutes=['items']", "found 'items'"),
        ("[[policy]]\nname='a'\nquota='1/s'\nexempt=['10.0.0.1/8']", "10.0.0.1/8"),
        ("[[policy]]\nname='a'\nquota='1/s'\nlimit=3", "policy 'a' has limit; known are"),
        ("[[policy]]\nname='a'\nquota='1/s'\n[[policy]]\nname='a'\nquota='1/s'", "twice: a"),
        ("policies = []", "the file has policies"),
        ("[[policy]", "no TOML"),
        ("a = " + "[" * 3000, "nested too deep"),
        ("a = " + "9" * 5000, "no TOML"),
        ("[[policy]]\nname='a'\nquota='1/s'\ncost=0x" + "f" * 5000, "too large to be shown"),
        ("[[policy]]\nname='a'\nquota='1/s'\ncost=1e999", "cost is a int; found inf"),
        (f"[[policy]]\nname='a'\nquota='{'9' * 5000}/s'", "(5004 long)"),
        ("[[policy]]\nname='a'\nquota='1/s burst " + "9" * 18 + "'", "within a year"),
        ("[[policy]]\nname='a'\nquota='\u0661/s'", "a quota is written"),
        ("[[policy]]\nname='a'\nquota='1/s'\nkey='client/\u00b2'", "found 'client/\u00b2'"),
        ("[[policy]]\nname='a'\nquota='1/s'\nkey='client/" + "9" * 5000 + "'", "long)"),
        ("[[policy]]\nname='a'\nquota='1/s'\nkey='header:two words'", "'header:NAME'"),
        ("exempt_paths=['/health*']", "write '/health{rest:path}'"),
        ("exempt_paths=['static/*']", "write '/static/*'"),
        ("exempt_paths=['/a/*']\n[[policy]]\nname='a'\nquota='1/s'\nroutes=['/a/b']", "exempt by"),
        ("[[policy]]\nname='a'\nquota='1/s'\nroutes=['GET /health']", "exempt by the service"),
        ("allow=['10.1.0.0/16']\ndeny=['10.0.0.0/8']", "allow: 10.1.0.0/16 is in deny"),
        ("deny=['2002::/16']", "write '0.0.0.0/0'"),
        ("deny=['64:ff9b::c000:200/120']", "write '192.0.2.0/24'"),
        ("deny=['2001:0:4136:e378:8000:63bf:3fff:fd00/120']", "write '192.0.2.0/24'"),
    ],
)
def test_mistakes_are_named(text: str, complaint: str) -> None:
    """A mistake in the file is named, with where it is and what is meant."""
    with pytest.raises(PolicyError) as refused:
        read_policies(text, frozenset({"/health"}))

    assert complaint in str(refused.value)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize(
    ("key", "override", "nearest"),
    [
        ("client", "192.0.2.256", "like '10.0.0.0/8'"),
        ("client", "192.0.2.01", "like '10.0.0.0/8'"),
        ("client", "10.0.0.1/8", "write '10.0.0.0/8'"),
        ("client", "alice", "like '10.0.0.0/8'"),
        ("client", "2001:db8:1:2:3::/80", "write '2001:db8:1:2::/64'"),
        ("client/48", "2001:db8:1:2::/64", "write '2001:db8:1::/48'"),
        ("client", "2002:c000:204::/48", "write '192.0.2.4/32'"),
        ("header:X-Api-Key", "abc", "write 'x-api-key=abc'"),
        ("header:X-Api-Key", "x-key=abc", "write 'x-api-key=abc'"),
        ("header:X-Api-Key", "x-api-key= abc ", "write 'x-api-key=abc'"),
        ("header:X-Api-Key", "x-api-key=", "values of x-api-key"),
        ("header:X-Api-Key", "x-api-key", "write 'x-api-key=x-api-key'"),
        ("everyone", "192.0.2.1", "write 'everyone'"),
    ],
)
def test_overrides_that_never_match_are_refused(key: str, override: str, nearest: str) -> None:
    """An override of what the policy never keys by is named, with the nearest right form."""
    text = "[[policy]]\nname='a'\nquota='1/s'\nkey='{}'\noverrides={{'{}'='2/s'}}"
    with pytest.raises(PolicyError) as refused:
        read_policies(text.format(key, override))

    assert "policy 'a'" in str(refused.value)
    assert nearest in str(refused.value)


def test_two_overrides_of_one_client_are_refused() -> None:
    """Of two spellings of one address, only one could ever count."""
    with pytest.raises(PolicyError, match=r"two overrides are of '192\.0\.2\.1'"):
        read_policies(
            "[[policy]]\nname='a'\nquota='1/s'\n"
            "overrides={'192.0.2.1'='2/s', '::ffff:192.0.2.1'='3/s'}"
        )


def test_the_page_of_limits_has_policies_that_are_read() -> None:
    """What operators copy from docs/limits.md is understood as it stands there."""
    page = Path(__file__).parents[2].joinpath("docs/limits.md").read_text()
    blocks = re.findall(r"(?m)(?:^    (?:\S.*|)\n|^\n)+", page)
    files = [block for block in blocks if "[[policy]]" in block]

    assert len(files) >= 2
    for block in files:
        assert read_policies(textwrap.dedent(block)).policies
