"""Where a request is served: a pure decision on how it arrived.

No request is replayed twice, but for one: while two releases share the clients, a request whose
owner is gone goes on once to a machine of the owner's release.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# What Fly promises to replay; see docs/affinity.md.
LARGEST_BODY: Final = 1_000_000
# What a request carries that was sent on, since its owner could not be reached.
SENT_ON: Final = "sent-on"


class Reason(StrEnum):
    """Why a machine serves a client that it does not own."""

    UNAVAILABLE = "unavailable"  # the proxy could not reach the owner
    DISAGREEMENT = "disagreement"  # another machine takes this one for the owner
    FORCED = "forced"  # the client asked for this machine
    BODY = "body"  # too large to be replayed, or of unknown length
    WEBSOCKET = "websocket"  # the server can't answer a handshake with a replay


class Way(StrEnum):
    """How a request came to where it is served in full."""

    OWNER = "owner"  # directly
    ARRIVED = "arrived"  # by a replay
    DENIED = "denied"  # what is left of its bucket here is enough to refuse it


@dataclass(frozen=True, slots=True)
class Here:
    """Serve it, with the client's whole quota."""

    way: Way


@dataclass(frozen=True, slots=True)
class Replay:
    """Let the proxy bring it to its owner, or to the machine that stands in for it.

    Attributes:
        is_sent_on: the owner could not be reached.
    """

    owner: str
    is_sent_on: bool = False


@dataclass(frozen=True, slots=True)
class FairShare:
    """Serve it, with a share of the quota: a client of all machines gets one quota in all."""

    reason: Reason


Destination = Here | Replay | FairShare


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that came through the proxy.

    Attributes:
        owner: the id of the machine that owns the client.
        here: the id of this machine.
        was_replayed: another machine sent it.
        unavailable: the id of a machine that the proxy preferred, and could not reach.
        is_forced: the client asked for this very machine.
        body_bytes: the length of its body; None if it is not known.
        is_denied: the bucket that this machine has would refuse it.
        was_sent_on: another machine sent it, since the owner could not be reached.
        stand_in: the id of the machine that is to serve it if its owner can't be reached, since
            this one is of another release; empty if any machine may.
    """

    owner: str
    here: str
    was_replayed: bool = False
    unavailable: str = ""
    is_forced: bool = False
    body_bytes: int | None = 0
    is_denied: bool = False
    was_sent_on: bool = False
    stand_in: str = ""


def destination_of(arrival: Arrival) -> Destination:
    """Return where it is served.

    Everything that a client could have written itself leads to a fair share at best.
    """
    if arrival.owner == arrival.here:
        return Here(Way.ARRIVED if arrival.was_replayed else Way.OWNER)
    if arrival.is_denied:
        return Here(Way.DENIED)
    is_gone = arrival.unavailable == arrival.owner or arrival.was_sent_on
    if is_gone and arrival.stand_in and not arrival.was_sent_on and not _bound(arrival):
        return Replay(arrival.stand_in, is_sent_on=True)
    if is_gone:
        return FairShare(Reason.UNAVAILABLE)
    reason = Reason.DISAGREEMENT if arrival.was_replayed else _bound(arrival)
    return FairShare(reason) if reason else Replay(arrival.owner)


def _bound(arrival: Arrival) -> Reason | None:
    """Why it can't be sent anywhere."""
    if arrival.is_forced:
        return Reason.FORCED
    if arrival.body_bytes is None or arrival.body_bytes > LARGEST_BODY:
        return Reason.BODY
    return None
