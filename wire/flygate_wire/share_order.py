"""How two releases share an app's clients: the engine's order, and what a machine knows.

The engine signs and numbers its orders; machines pass the signed text on to those that start later.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

_PURPOSE: Final = b"flygate order\n"


class ShareOrderError(ValueError):
    """A text is no order that this side accepts."""


@dataclass(frozen=True, slots=True)
class ShareOrder:
    """Which machines serve which part of the clients.

    Attributes:
        version: a later order replaces an earlier one.
        percent: of the clients belong to the new machines.
        new, former: the ids of the machines of both releases; any other machine owns no client.
        text: the signed order itself, to be passed on.
    """

    version: int
    percent: int
    new: frozenset[str]
    former: frozenset[str]
    text: str = field(default="", repr=False)

    def gainers(self, here: str, before: int) -> frozenset[str]:
        """Return the machines that get clients of this one by this order; none if it loses none.

        Args:
            here: this machine's id.
            before: the percentage until now.
        """
        if self.percent > before and here in self.former:
            return self.new
        if self.percent < before and here in self.new:
            return self.former
        return frozenset()


class SignedShareOrders:
    """Writes and reads the orders for one app, signed with its key.

    An order needs no end: it means nothing once the machines of one side are gone.
    """

    def __init__(self, key: str, app: str) -> None:
        """Sign and verify with `key`."""
        self._key = key.encode()
        self._app = app

    def write(self, version: int, percent: int, new: Sequence[str], former: Sequence[str]) -> str:
        """Return the text of an order."""
        fields = {"app": self._app, "version": version, "percent": percent}
        payload = json.dumps(
            {**fields, "new": list(new), "former": list(former)}, separators=(",", ":")
        )
        return f"{self._signature(payload)} {payload}"

    def read(self, text: str) -> ShareOrder:
        """Return the order in a text.

        Raises:
            ShareOrderError: it was not signed with the key, is another app's, or of another
                version.
        """
        signature, _, payload = text.partition(" ")
        if not hmac.compare_digest(signature.encode(), self._signature(payload).encode()):
            raise ShareOrderError("an order without a valid signature")
        try:
            found = json.loads(payload)
            if found["app"] != self._app:
                raise ShareOrderError(f"an order for {found['app']}, not for {self._app}")
            new, former = frozenset(map(str, found["new"])), frozenset(map(str, found["former"]))
            return ShareOrder(int(found["version"]), int(found["percent"]), new, former, text)
        except ShareOrderError:
            raise
        except (ValueError, KeyError, TypeError) as exc:
            raise ShareOrderError(f"an order that is not understood: {exc!r}") from exc

    def _signature(self, payload: str) -> str:
        return hmac.new(self._key, _PURPOSE + payload.encode(), sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class ShareState:
    """What a machine knows, as it answers to an order and to the question for it.

    Attributes:
        version: of the last order that it accepted; 0 for none.
        members: the ids of the machines that own clients, as far as it knows.
    """

    version: int
    members: frozenset[str]

    def document(self) -> dict[str, Any]:
        """Return the answer, as plain JSON."""
        return {"version": self.version, "members": sorted(self.members)}

    @classmethod
    def parse(cls, body: str) -> ShareState:
        """Read a machine's answer.

        Raises:
            ValueError: it is none.
        """
        try:
            found = json.loads(body)
            return cls(int(found["version"]), frozenset(map(str, found["members"])))
        except (KeyError, TypeError) as exc:
            raise ValueError(f"an answer without {exc}") from None
