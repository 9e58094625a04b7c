"""Speaks to the other machines: over the private network, past the proxy, signed."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import httpx
from flygate_limiter import Charge, Decision
from flygate_wire.own_paths import BUCKETS, CLUSTER, COPIES, TAKE
from flygate_wire.share_order import ShareOrder, ShareOrderError, SignedShareOrders
from flygate_wire.signature import ANSWER, HEADER, Signatures

from .charges import pack_charges, unpack_decisions
from .directory import Directory
from .errors import DirectoryError, PeerError, PeerGoneError, PeerMismatchError
from .members import Contact, Status
from .ring import Member

_SECONDS: Final = 1.0


class Peers:
    """Asks machines how they are, gives them buckets, and gets theirs.

    Args:
        directory: knows their addresses.
        port: where all of them listen for each other.
        signatures: sign what is asked, and verify what is answered.
        orders: reads the share orders that others pass on.
        former_port: where machines of a former release listen, which have one port for all.
    """

    def __init__(
        self,
        directory: Directory,
        port: int,
        signatures: Signatures,
        orders: SignedShareOrders,
        former_port: int | None = None,
    ) -> None:
        """Connect to no machine yet."""
        self._directory = directory
        self._port = port
        self._former_port = former_port
        self._former: set[str] = set()
        self._signatures = signatures
        self._orders = orders
        self._addresses: dict[str, str] = {}
        # As other machines say, for the time when the DNS does not answer.
        self._hearsay: dict[str, str] = {}
        # Not through a proxy of the environment: this is the private network.
        self._client = httpx.AsyncClient(timeout=_SECONDS, trust_env=False)

    async def status(self, member: Member) -> Status:
        """Return what a machine says of itself.

        Raises:
            PeerGoneError: no process listens there.
            PeerError: it can't be reached, or is not of this app.
        """
        answer = await self._first(member)
        with _understood(member):
            found = json.loads(answer)
            return Status(
                admitted=found["admitted"] is True,
                draining=found["draining"] is True,
                # Former versions say nothing of these: they spoke only if they had affinity.
                affinity=found.get("affinity", True) is True,
                store=str(found.get("store", "")),
                group=str(found.get("group", "")),
                order=self._order(found.get("order")),
                contacts=self._heard(found.get("contacts", ())),
            )

    def reached(self, machine: str) -> str:
        """Return where a machine was reached; "" if it was not."""
        return self._addresses.get(machine, "")

    async def push(self, member: Member, message: bytes) -> None:
        """Give it buckets.

        Raises:
            PeerError: as `status`.
        """
        await self._send(member, "POST", BUCKETS, message)

    async def copy(self, member: Member, message: bytes) -> None:
        """Give it copies of buckets.

        Raises:
            PeerError: as `status`.
        """
        await self._send(member, "POST", COPIES, message)

    async def pull(self, member: Member) -> bytes:
        """Get its buckets.

        Raises:
            PeerError: as `status`.
        """
        return await self._signed(member, BUCKETS)

    async def take(self, member: Member, charges: Sequence[Charge]) -> list[Decision]:
        """Charge a client to its buckets, all or none.

        Raises:
            PeerError: as `status`.
        """
        answer = await self._signed(member, TAKE, pack_charges(charges))
        with _understood(member):
            return unpack_decisions(answer, charges)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _order(self, order: dict[str, str] | None) -> ShareOrder | None:
        try:
            return self._orders.read(order["text"]) if order else None
        except ShareOrderError:
            return None  # not this app's engine's; the machine itself is there

    def _heard(self, contacts: Sequence[dict[str, str]]) -> tuple[Contact, ...]:
        found = [
            Contact(str(one["id"]), str(one["region"]), str(one["address"])) for one in contacts
        ]
        self._hearsay |= {contact.id: contact.address for contact in found}
        return tuple(found)

    async def _first(self, member: Member) -> bytes:
        """Return what a machine says of itself, wherever it listens; that is remembered."""
        try:
            return await self._signed(member, CLUSTER)
        except (PeerGoneError, PeerMismatchError):
            if self._former_port is None:
                raise
        self._former ^= {member.id}  # it was replaced, or was never asked
        try:
            return await self._signed(member, CLUSTER)
        except PeerError:
            self._former.discard(member.id)
            raise

    async def _signed(self, member: Member, path: str, body: bytes = b"") -> bytes:
        """An answer of a machine that has the key."""
        answer = await self._send(member, "POST" if body else "GET", path, body)
        signature = answer.headers.get(HEADER)
        if self._signatures.verify(signature, ANSWER, path, answer.content) is None:
            raise PeerMismatchError(f"{member.id} answered without a valid signature")
        return answer.content

    async def _send(
        self, member: Member, method: str, path: str, body: bytes = b""
    ) -> httpx.Response:
        fields = self._signatures.fields(method, path, body)
        port = self._former_port if member.id in self._former else self._port
        try:
            address = await self._address(member)
            url = f"http://{address}:{port}{path}"
            answer = await self._client.request(method, url, content=body, headers=fields)
        except DirectoryError as exc:
            raise PeerError(str(exc)) from exc
        except httpx.TransportError as exc:
            self._addresses.pop(member.id, None)  # it may have moved
            kind = PeerGoneError if _was_refused(exc) else PeerError
            raise kind(f"{member.id} can't be reached: {exc!r}") from exc
        if answer.status_code >= 300:
            raise PeerMismatchError(
                f"{member.id} answered {method} {path} with {answer.status_code}"
            )
        return answer

    async def _address(self, member: Member) -> str:
        known = self._addresses.get(member.id)
        if known is None:
            known = self._addresses[member.id] = await self._found(member.id)
        return known

    async def _found(self, machine: str) -> str:
        try:
            return await self._directory.address(machine)
        except DirectoryError:
            if machine not in self._hearsay:
                raise
            return self._hearsay[machine]


def _was_refused(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ConnectionRefusedError):
        error = error.__cause__ or error.__context__
    return error is not None


@contextmanager
def _understood(member: Member) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError) as exc:
        raise PeerError(f"{member.id} answered what is not understood: {exc!r}") from exc
