"""Routes: they match as starlette's do, and what can never match is refused when it is read."""

import re

import pytest
from flygate_limiter import PolicyError, Request, Route
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Match
from starlette.routing import Route as FrameworkRoute

names = st.sampled_from(["a", "id", "items", "a.b", "x-y", "%", "ä", "(1)", "~"])
kinds = st.sampled_from(["", ":str", ":int", ":float", ":path", ":uuid"])
segments = st.one_of(names, kinds.map(lambda kind: f"{{p{kind}}}"))
templates = st.lists(segments, max_size=4).filter(
    lambda parts: sum(part.startswith("{") for part in parts) < 2
)
texts = ["a", "id", "items", "a.b", "aXb", "x-y", "7", "7.5", "-7", "", "%", "(1)", "\u0661"]
values = st.sampled_from([*texts, "a\nb", "items\n", "0123456789abcdef0123456789abcdef"])


async def endpoint(_: object) -> None:
    """Never called."""


@given(template=templates, segments=st.lists(values, max_size=4), method=st.sampled_from("GHP"))
def test_routes_match_as_the_framework_does(
    template: list[str], segments: list[str], method: str
) -> None:
    """Whatever starlette serves on a template is on the route, and beside that only a slash."""
    verb = {"G": "GET", "H": "HEAD", "P": "POST"}[method]
    text, path = "/" + "/".join(template), "/" + "/".join(segments)
    framework = FrameworkRoute(text, endpoint, methods=["GET"])

    def serves(path: str) -> bool:
        scope = {"type": "http", "path": path, "method": verb}
        return framework.matches(scope)[0] is Match.FULL

    found = Route.parse(f"GET {text}").matches(Request("", verb, path))

    assert found or not serves(path)
    if found:
        # `{p:path}` covers a line break, too: a proxy or a mount may serve what starlette does not.
        bare = re.sub(r"/?\n?$", "", path).replace("\n", "x" if ":path}" in text else "\n")
        assert any(serves(bare + end) for end in ("", "/", "//", "\n", "/\n", "\n\n"))


@pytest.mark.parametrize(
    ("route", "method", "path", "expected"),
    [
        ("GET /report", "HEAD", "/report", True),
        ("GET /report", "get", "/report", True),
        ("HEAD /report", "GET", "/report", False),
        ("GET /report", "OPTIONS", "/report", False),
        ("GET /report", "GET", "/report\n", True),
        ("GET /report", "GET", "/report\nx", False),
        ("/files/{path:path}", "GET", "/files/a/b/c", True),
        ("/files/{path:path}", "GET", "/files/", True),
        ("/n/{id:int}", "GET", "/n/12", True),
        ("/n/{id:int}", "GET", "/n/twelve", False),
        ("/n/{id:uuid}/x", "GET", "/n/01234567-89ab-cdef-0123-456789abcdef/x", True),
        ("/v{version}/{id}", "GET", "/v1/7", True),
        ("/with space", "GET", "/with space", True),
        ("PROPFIND /dav/*", "PROPFIND", "/dav/x", True),
    ],
)
def test_no_spelling_evades_a_route(route: str, method: str, path: str, expected: bool) -> None:
    """What a framework answers by a route is charged to its policy."""
    assert Route.parse(route).matches(Request("", method, path)) == expected


@pytest.mark.parametrize(
    ("written", "nearest"),
    [
        ("items", "/items"),
        ("/foo*", "/foo{rest:path}"),
        ("/a/*/b", "/a/{name}/b"),
        ("/a/*/b/*/c", "/a/{name}/b/{name2}/c"),
        ("/static/**", "/static/*"),
        ("*", "/*"),
        ("/*.css", "/{name}.css"),
        ("get /x", "GET /x"),
        ("GTE /x", "GET /x"),
        ("ANY /x", "/x"),
        ("GET  /x", "GET /x"),
        ("GET x", "GET /x"),
        (" /x ", "/x"),
        ("/x?page=2", "/x"),
        ("https://shop.example/x", "/x"),
        ("GET https://shop.example/x", "GET /x"),
        ("/a%20b", "/a b"),
        ("/a/../b", "/b"),
        ("/users/:id", "/users/{id}"),
        ("/users/<int:id>", "/users/{id:int}"),
        ("/users/<string:id>", "/users/{id}"),
        ("/users/{id:integer}", "/users/{id:int}"),
        ("/users/{user-id}", "/users/{user_id}"),
        ("/users/{}", "/users/{name}"),
        ("/users/{id", "/users/id"),
        ("/a/{id}/b/{id}", "/a/{id}/b/{id2}"),
        (r"^/users/(?P<id>\d+)$", "/users/{id}"),
        (r"/users/\d+", "/users/{name}"),
    ],
)
def test_what_never_matches_is_refused_with_the_nearest_form(written: str, nearest: str) -> None:
    """A mistake is named when it is read, with a route that can be written instead."""
    with pytest.raises(PolicyError) as refused:
        Route.parse(written)

    assert str(refused.value).endswith(f"write {nearest!r}")
    Route.parse(nearest)


def test_several_methods_are_several_routes() -> None:
    """A list of methods is refused with a route for each."""
    with pytest.raises(PolicyError, match=r"write 'GET /x', 'POST /x'"):
        Route.parse("GET,post /x")


@given(text=st.text(st.sampled_from("/{}*:<>?#.%20aAb GET,-\\^$\n()[]+"), max_size=24))
def test_a_route_is_read_or_answered_with_one_that_is(text: str) -> None:
    """Whatever is written: it is a route, or its refusal names one that is."""
    try:
        route = Route.parse(text)
    except PolicyError as exc:
        nearest = str(exc).rpartition("; write ")[2].split(", '")[0]
        Route.parse(eval(nearest))  # noqa: S307 - a literal that we wrote
    else:
        assert route.matches(route.example())


def test_a_long_path_takes_no_long_time_to_match() -> None:
    """A template with wildcards beside each other does not try all splits of a huge path."""
    route = Route.parse("/{a}-{b}-{c}-{d}/end")
    request = Request("", "GET", "/" + "-" * 60_000)

    assert route.matches(request)  # it is charged, and can't be free of charge
    assert not route.is_beyond_doubt(request)
