"""What the limiter knows of a request; whoever embeds it fills this in."""

from collections.abc import Mapping
from dataclasses import dataclass, field


# Not frozen: one is made for each request, and freezing triples what that costs.
@dataclass(slots=True)
class Request:
    """A request, as far as a policy may look at it.

    Attributes:
        client: the bucket name of the client's address (`keys.client_key`).
        method: the HTTP method.
        path: the path as asked for; policies match it, but never key by it.
        headers: by lower-case name.
    """

    client: str
    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
