"""Leases: one client at a time may change a machine; the lease of a dead client expires."""

import hashlib
import secrets
import uuid
from typing import Final

from localfly.errors import LeaseHeldError, NotFoundError
from localfly.machines.machine import Lease, Machine

DEFAULT_TTL_SECONDS: Final = 120
_NONCE_BYTES: Final = 8


def acquire(
    machine: Machine, nonce: str | None, ttl_seconds: int, owner: str, description: str, now: float
) -> Lease:
    """Take a new lease, or with its nonce extend the present one.

    Raises:
        LeaseHeldError: another client holds it.
        NotFoundError: the nonce is of a lease that has ended, which the client must learn.
    """
    check_holder(machine, nonce, now)
    current = machine.live_lease(now)
    if nonce and current is None:
        raise NotFoundError("lease not found")
    machine.lease = Lease(
        nonce=current.nonce if current else secrets.token_hex(_NONCE_BYTES),
        expires_at=int(now) + ttl_seconds,
        owner=owner,
        description=description or (current.description if current else ""),
        version=machine.instance_id,
    )
    return machine.lease


def current_lease(machine: Machine, now: float) -> Lease:
    """Return the lease that has not expired.

    Raises:
        NotFoundError: there is none.
    """
    lease = machine.live_lease(now)
    if lease is None:
        raise NotFoundError("lease not found")
    return lease


def release(machine: Machine, nonce: str | None, now: float) -> None:
    """Give the lease back.

    Raises:
        LeaseHeldError: it is another client's.
        NotFoundError: there is none.
    """
    current_lease(machine, now)
    check_holder(machine, nonce, now)
    machine.lease = None


def check_holder(machine: Machine, nonce: str | None, now: float) -> None:
    """Refuse a change by a client that does not hold the machine's lease.

    Raises:
        LeaseHeldError: another client holds it; the message says which, and until when.
    """
    lease = machine.live_lease(now)
    if lease and lease.nonce != nonce:
        raise LeaseHeldError(lease.refusal(machine.id))


def owner_of(authorization: str) -> str:
    """Return the holder's name as Fly shows it: an opaque id of its token."""
    digest = hashlib.sha256(authorization.encode()).digest()
    return f"{uuid.UUID(bytes=digest[:16])}@tokens.fly.io"
