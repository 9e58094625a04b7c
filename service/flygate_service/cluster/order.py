"""A share of the clients for a new release: what the rollout engine orders, signed and numbered."""

import hmac
import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from .errors import FormatError

# The engine's own, in `rollout/clients/order.py` (tests/cluster/test_order.py holds the two
# together).
_PURPOSE: Final = b"flygate order\n"


@dataclass(frozen=True, slots=True)
class Order:
    """Who serves whom while two releases share the clients.

    Attributes:
        version: a later order replaces an earlier one.
        percent: of the clients belong to the new machines.
        new, former: the ids of the machines of both releases.
        text: the order itself, to be passed on.
    """

    version: int
    percent: int
    new: frozenset[str]
    former: frozenset[str]
    text: str = field(default="", repr=False)

    def gainers(self, here: str, before: int) -> frozenset[str]:
        """The machines that get clients of this one by this order; none if it loses nobody.

        Args:
            here: this machine's id.
            before: the percentage until now.
        """
        if self.percent > before and here in self.former:
            return self.new
        if self.percent < before and here in self.new:
            return self.former
        return frozenset()


class Seal:
    """Reads orders, and believes those that were signed with the key, for this app.

    An order needs no end: it means nothing once the machines of one side are gone.
    """

    def __init__(self, key: str, app: str) -> None:
        """Believe whoever has `key`."""
        self._key = key.encode()
        self._app = app

    def write(self, version: int, percent: int, new: list[str], former: list[str]) -> str:
        """An order."""
        fields = {"app": self._app, "version": version, "percent": percent}
        payload = json.dumps({**fields, "new": new, "former": former}, separators=(",", ":"))
        return f"{self._signature(payload)} {payload}"

    def read(self, text: str) -> Order:
        """The order in a text.

        Raises:
            FormatError: it was not signed with the key, is another app's, or of another version.
        """
        signature, _, payload = text.partition(" ")
        if not hmac.compare_digest(signature.encode(), self._signature(payload).encode()):
            raise FormatError("an order without a valid signature")
        try:
            told = json.loads(payload)
            if told["app"] != self._app:
                raise FormatError(f"an order for {told['app']}, not for {self._app}")
            new, former = frozenset(map(str, told["new"])), frozenset(map(str, told["former"]))
            return Order(int(told["version"]), int(told["percent"]), new, former, text)
        except (ValueError, KeyError, TypeError) as exc:
            raise FormatError(f"an order that is not understood: {exc!r}") from exc

    def _signature(self, payload: str) -> str:
        return hmac.new(self._key, _PURPOSE + payload.encode(), sha256).hexdigest()
