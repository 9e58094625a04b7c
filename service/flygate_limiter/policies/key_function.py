"""Key functions: they say to which bucket of a policy a request belongs."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from flygate_limiter.client_key import client_key
from flygate_limiter.errors import KeyFunctionError, PolicyError, one_line, shown
from flygate_limiter.request import Request

KeyFunction = Callable[[Request], str]


def by_client(request: Request) -> str:
    """Return a key for each client address."""
    return request.client


def by_everyone(_: Request) -> str:
    """Return one key for all."""
    return "everyone"


def by_header(name: str) -> KeyFunction:
    """Return a function with a key for each value of a header; without it, for each address.

    Use it for values that a proxy or the application has checked: a client that may invent values
    gets a bucket for each.
    """

    def key(request: Request) -> str:
        value = request.header(name)
        return f"{name}={value}" if value else request.client

    return key


def by_network(prefix: int) -> KeyFunction:
    """Return a function with a key for each IPv6 network of that size, for owners of many /64."""

    def key(request: Request) -> str:
        return client_key(request.address, prefix)

    return key


class UserKeyFunction:
    """Calls an application's key function, and checks what it returns.

    A failure is reported, and takes no request down.

    Args:
        function: is called with the request, and returns the bucket's name.
        name: for messages.

    Raises:
        PolicyError: it can never return one; seen where it is set.
    """

    def __init__(self, function: Callable[[Request], object], name: str = "") -> None:
        """Check its signature without calling it."""
        self._name = name or getattr(function, "__qualname__", repr(function))
        _check(function, self._name)
        self._function = function

    def __call__(self, request: Request) -> str:
        """Return the bucket's name.

        Raises:
            KeyFunctionError: the function raised, or returned no text, or an empty one.
        """
        try:
            found = self._function(request)
        except Exception as exc:
            raise KeyFunctionError(f"key function {self._name} failed: {one_line(exc)}") from exc
        if isinstance(found, str) and found:
            return found
        kind = "an empty text" if found == "" else f"a {type(found).__name__}"
        raise KeyFunctionError(
            f"key function {self._name} gave {kind}; it gives a bucket's name, a text"
        )


def _check(function: object, name: str) -> None:
    if not callable(function):
        raise PolicyError(f"a key function is called with a Request; {name} can't be called")
    call = getattr(function, "__call__", function)  # noqa: B004 - an object's may be a coroutine's
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call):
        raise PolicyError(f"a key function gives a text at once; {name} is async: make it a def")
    try:
        signature = inspect.signature(function)
    except ValueError:  # some that are written in C have none
        return
    try:
        signature.bind(object())
    except TypeError as exc:
        raise PolicyError(
            f"a key function is called with one Request; found {shown(f'{name}{signature}')}"
        ) from exc
