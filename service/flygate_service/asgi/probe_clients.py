"""The clients of a rollout's probe: each has an address of the documentation, as no user has."""

from typing import Final

_PREFIX: Final = "2001:db8:"


def probe_client(nonce: str) -> str:
    """Return the address of the probe that was signed with a nonce."""
    return f"{_PREFIX}{nonce[:4]}:{nonce[4:8]}::1"


def is_probe_client(address: str) -> bool:
    """Return whether an address is one of a probe's."""
    return address.startswith(_PREFIX)
