"""Which requests a policy is about: a method and a path template, so that no path is a bucket."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Self

from flygate_limiter.errors import PolicyError, shown
from flygate_limiter.request import Request

from .template import Template, nearest_form

_FORM: Final = re.compile(r"\s*(?P<methods>[^\s/{*]\S*)\s+(?P<path>\S.*)", re.DOTALL)
_ANY: Final = {"ANY", "ALL"}
# All that an HTTP server's parser lets through; some are only known to WebDAV, UPnP or caches.
_METHODS: Final = frozenset(
    {
        *("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"),
        *("ACL", "BIND", "CHECKOUT", "COPY", "LINK", "LOCK", "MERGE", "MKACTIVITY", "MKCALENDAR"),
        *("MKCOL", "MOVE", "PROPFIND", "PROPPATCH", "REBIND", "REPORT", "SEARCH", "UNBIND"),
        *("UNLINK", "UNLOCK", "M-SEARCH", "NOTIFY", "SUBSCRIBE", "UNSUBSCRIBE", "PURGE", "SOURCE"),
    }
)
_DETOUR: Final = re.compile(r"(?:^|[/\\])\.{1,2}(?:[/\\]|$)|\\|//")


@dataclass(frozen=True, slots=True)
class Route:
    """`/items/{id}`, `POST /login`, `/files/{path:path}`, or `/api/*` for all below.

    A path is matched as the framework matches it, and GET covers HEAD, which frameworks answer as
    GET. Without a method it is every method.
    """

    text: str
    method: str | None
    template: Template

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a route.

        Raises:
            PolicyError: the text has another form, or can never match.
        """
        found = _FORM.fullmatch(text)
        methods = re.split(r"[,|]", found["methods"]) if found else [""]
        path = found["path"] if found else text
        reason = nearest_form(path)[1]
        if found and text != f"{methods[0]} {path}":
            reason = "it is one method, a space and a path"
        elif found and methods[0] not in _METHODS:
            reason = "there is no such method"
        if reason:
            raise _refused(text, reason, methods, path)
        return cls(text, methods[0] or None, Template.parse(path))

    def matches(self, request: Request) -> bool:
        """Whether the request is on this route."""
        return self.has_method(request.method) and self.template.matches(request.path)

    def is_beyond_doubt(self, request: Request) -> bool:
        """Whether the request is on it, however an application may resolve its path.

        What frees from a limit must not be reached by `/static/../report`.
        """
        path = request.path
        is_certain = not self.template.is_too_long(path) and not _DETOUR.search(path)
        return is_certain and self.matches(request)

    def has_method(self, method: str) -> bool:
        """Whether it is about requests with this method, in any case."""
        if self.method is None or self.method == method:
            return True
        method = method.upper()
        return self.method == method or (self.method == "GET" and method == "HEAD")

    def is_within(self, other: Self) -> bool:
        """Whether all that is on this route is on the other one, too."""
        methods = _METHODS if self.method is None else {self.method}
        if not all(other.has_method(method) for method in methods):
            return False
        return all(other.template.matches(path) for path in self.template.examples())

    def example(self) -> Request:
        """Return a request that is on it."""
        return Request("", self.method or "GET", self.template.example())


def _refused(text: str, reason: str, methods: list[str], path: str) -> PolicyError:
    template = nearest_form(path)[0]
    nearest = ", ".join(repr(f"{method} {template}".strip()) for method in _near(methods))
    return PolicyError(f"a route can never match; found {shown(text)}: {reason}; write {nearest}")


def _near(methods: list[str]) -> list[str]:
    """Return the methods that may be meant; "" for all."""
    found: list[str] = []
    for method in methods:
        upper = method.upper()
        near = get_close_matches(upper, sorted(_METHODS), 1, 0.5)
        if upper in _METHODS:
            found.append(upper)
        elif upper in _ANY or not near:  # of none at all, too
            return [""]
        else:
            found.append(near[0])
    return found
