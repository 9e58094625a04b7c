"""Where a Redis is, and how to get in: read from a URL like `rediss://user:password@host:6380/0`."""

import re
import ssl
from dataclasses import dataclass, field, replace
from typing import Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

from flygate_limiter.errors import AddressError

_FORM: Final = "redis://[user:password@]host[:port][/database], or rediss:// for TLS"
_PORT: Final = 6379
_CA_FILE: Final = "ssl_ca_certs"
_DATABASE: Final = re.compile("[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A server, and the credentials for it.

    Attributes:
        ca_file: certificates that vouch for the server, instead of the system's.
    """

    host: str
    port: int = _PORT
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    database: int = 0
    tls: bool = False
    ca_file: str | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL. Its only option is `?ssl_ca_certs=FILE`.

        Raises:
            AddressError: the URL has another form. It may hold a password, so it is not shown.
        """
        try:
            parts = urlsplit(url)
            port, database = parts.port or _PORT, _database(parts.path.strip("/") or "0")
            options = parse_qs(
                parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)
            )
        except ValueError as exc:
            raise AddressError(f"a Redis URL has the form {_FORM}") from exc
        if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
            raise AddressError(f"a Redis URL has the form {_FORM}")
        unknown = options.keys() - {_CA_FILE}
        if unknown:
            raise AddressError(f"a Redis URL has no option {min(unknown)!r}; there is: {_CA_FILE}")
        return cls(
            unquote(parts.hostname),
            port,
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
            database,
            parts.scheme == "rediss",
            options[_CA_FILE][0] if options else None,
        )

    def at(self, node: str) -> Self:
        """Return the address of the node `host:port`; a node without a host is on this one's."""
        host, _, port = node.rpartition(":")
        return replace(self, host=host.strip("[]") or self.host, port=int(port))

    def context(self) -> ssl.SSLContext | None:
        """Return how to check the server's certificate; None without TLS.

        Raises:
            AddressError: the file of certificates cannot be read.
        """
        if not self.tls:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as exc:
            raise AddressError(f"no certificates can be read from {self.ca_file}") from exc

    def __str__(self) -> str:
        """Return host and port: what may be shown."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _database(text: str) -> int:
    if not _DATABASE.fullmatch(text):
        raise ValueError(text)
    return int(text)
