"""What a route of an application is called: a name for each set of methods, mount and template."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from .messages import Scope

_PARAMETER: Final = re.compile(r"{[a-z_][a-z0-9_]*(?::[a-z]+)?}")
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


def route_name(scope: Scope) -> str:
    """Return the name of the route that the framework chose for a request or a handshake.

    It has the characters of a policy's name. Two routes never have the same, whatever is in their
    paths; what stands in a request's path is no part of it.
    """
    route = scope.get("route")
    # A router that was included by another one is known to FastAPI by its context alone.
    context = scope.get("fastapi") or {}
    route = context.get("effective_route_context", route)
    methods = getattr(route, "methods", None) or ()
    kind = ("ws",) if scope["type"] == "websocket" else _without_head(methods)
    return _name(kind, _mounted_at(scope) + (getattr(route, "path", None) or ""))


def _without_head(methods: Iterable[str]) -> tuple[str, ...]:
    """Return the methods without HEAD, which some frameworks add to GET."""
    found = {method.lower() for method in methods}
    return tuple(sorted(found - {"head"} if "get" in found else found)) or ("any",)


def _mounted_at(scope: Scope) -> str:
    """Return the templates of the mounts that lead to the route; "" where they can't be found.

    The mounts' own path would not do: a part of it may be the client's to choose.
    """
    outermost = scope.get("app_root_path", scope.get("root_path", ""))
    rest = scope.get("root_path", "")[len(outermost) :]
    routes = getattr(scope.get("router"), "routes", ())
    found = ""
    while rest:
        mount = next((each for each in routes if _consumed(each, rest)), None)
        if mount is None:
            return ""
        found += mount.path
        rest = rest[len(_consumed(mount, rest)) :]
        routes = mount.routes
    return found


def _consumed(mount: Any, path: str) -> str:
    """Return what a mount takes off the beginning of a path; "" if it is none, or another one."""
    pattern = getattr(mount, "path_regex", None)
    if pattern is None or not hasattr(mount, "routes"):
        return ""
    match = pattern.match(f"{path}/")
    return f"{path}/"[: -len(match["path"]) - 1] if match and "path" in match.groupdict() else ""


@lru_cache(maxsize=1024)
def _name(kind: tuple[str, ...], path: str) -> str:
    # What stands between two hyphens is a parameter, or the number of a character.
    escaped, at = "", 0
    for parameter in _PARAMETER.finditer(path):
        escaped += _escaped(path[at : parameter.start()])
        escaped += f"-{parameter[0][1:-1].replace(':', '.')}-"
        at = parameter.end()
    return f"{'_'.join(map(_escaped, kind))}{escaped}{_escaped(path[at:])}"


def _escaped(text: str) -> str:
    return "".join(
        letter if letter in _PLAIN else "." if letter == "/" else f"-{ord(letter)}-"
        for letter in text
    )
