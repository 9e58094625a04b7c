"""A key function of an application: its failure is told, and takes no request down."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from .errors import KeyFunctionError, PolicyError, shown, told
from .request import Request


class UserKey:
    """Calls a function that says whose bucket a request belongs to, and checks what it says.

    Args:
        function: is called with the request, and gives the bucket's name.
        name: for messages.

    Raises:
        PolicyError: it can never give one; seen where it is set.
    """

    def __init__(self, function: Callable[[Request], object], name: str = "") -> None:
        """Look at it, and do not call it."""
        self._name = name or getattr(function, "__qualname__", repr(function))
        _check(function, self._name)
        self._function = function

    def __call__(self, request: Request) -> str:
        """The bucket's name.

        Raises:
            KeyFunctionError: the function raised, or gave no text, or an empty one.
        """
        try:
            found = self._function(request)
        except Exception as exc:
            raise KeyFunctionError(f"key function {self._name} failed: {told(exc)}") from exc
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
    except ValueError:  # some that are written in C tell nothing
        return
    try:
        signature.bind(object())
    except TypeError as exc:
        raise PolicyError(
            f"a key function is called with one Request; found {shown(f'{name}{signature}')}"
        ) from exc
