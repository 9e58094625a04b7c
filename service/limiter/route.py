"""Which paths a policy is about: templates, so that no path makes a bucket of its own."""

import re
from dataclasses import dataclass, field
from typing import Final, Self

from .errors import PolicyError
from .request import Request

_FORM: Final = re.compile(r"(?:(?P<method>[A-Z]+) )?(?P<path>/\S*)")
_PLACEHOLDER: Final = re.compile(r"\\{\w+\\}")


@dataclass(frozen=True, slots=True)
class Route:
    """`/items/{id}`, `POST /login`, or `/api/*` for all below."""

    text: str
    method: str | None
    _pattern: re.Pattern[str] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a route.

        Raises:
            PolicyError: the text has another form.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise PolicyError(
                "a route is written like '/items/{id}', 'POST /login' or '/api/*';"
                f" found {text!r}"
            )
        path, star, _ = found["path"].partition("/*")
        pattern = _PLACEHOLDER.sub("[^/]+", re.escape(path))
        return cls(text, found["method"], re.compile(pattern + ("(?:/.*)?" if star else "/?")))

    def matches(self, request: Request) -> bool:
        """Whether the request is on this route."""
        if self.method is not None and self.method != request.method:
            return False
        return self._pattern.fullmatch(request.path) is not None

    def example(self) -> Request:
        """A request that is on it."""
        return Request("", self.method or "GET", self.text.rpartition(" ")[2])
