"""The order by which two releases share an app's clients: what the engine signs and numbers."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass

# The service's own (tests/cluster/test_order.py holds the two together).
PATH = "/_flygate/cluster/order"
_PURPOSE = b"flygate order\n"


@dataclass(frozen=True, slots=True)
class Order:
    """Who serves whom.

    Attributes:
        version: a machine takes an order only if this is higher than that of the last.
        percent: of the clients belong to the new machines.
        new, former: the ids of the machines of both releases; any other owns nobody.
    """

    app: str
    version: int
    percent: int
    new: tuple[str, ...]
    former: tuple[str, ...]

    def signed(self, key: str) -> str:
        """As the machines read it, and pass it on to those that start later."""
        fields = {"app": self.app, "version": self.version, "percent": self.percent}
        payload = json.dumps(
            {**fields, "new": self.new, "former": self.former}, separators=(",", ":")
        )
        text = _PURPOSE + payload.encode()
        return f"{hmac.new(key.encode(), text, hashlib.sha256).hexdigest()} {payload}"


@dataclass(frozen=True, slots=True)
class Known:
    """What a machine knows.

    Attributes:
        version: of the last order that it took; 0 for none.
        members: the ids of the machines that own clients, as far as it knows.
    """

    version: int
    members: frozenset[str]

    @classmethod
    def parse(cls, body: str) -> Known:
        """Read a machine's answer.

        Raises:
            ValueError: it is none.
        """
        try:
            told = json.loads(body)
            return cls(int(told["version"]), frozenset(map(str, told["members"])))
        except (KeyError, TypeError) as exc:
            raise ValueError(f"an answer without {exc}") from None
