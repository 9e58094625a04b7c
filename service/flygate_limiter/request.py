"""What the limiter knows of a request; the embedding application fills it in."""

from collections.abc import Callable
from dataclasses import dataclass


def no_header(_: str) -> str | None:
    """Return None, where there are no headers."""
    return None


# Not frozen: one is made for each request, and freezing triples what that costs.
@dataclass(slots=True)
class Request:
    """A request, as far as a policy may look at it.

    Attributes:
        client: the bucket name of the client's address (`keys.client_key`).
        method: the HTTP method.
        path: the path as asked for; policies match it, but never key by it.
        address: the client's address itself, for networks.
        header: looks up a header by its lower-case name.
        share: the number of machines that may each answer such a request without the others.
    """

    client: str
    method: str = "GET"
    path: str = "/"
    address: str = ""
    header: Callable[[str], str | None] = no_header
    share: int = 1
