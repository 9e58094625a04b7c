"""The tokens that open the API: those that the daemon was started with, or issued itself."""

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from localfly.state.cipher import Cipher
from localfly.state.store import Store

_KEY: Final = "tokens"
_SCHEMES: Final = ("bearer ", "flyv1 ")


class Tokens:
    """The accepted tokens. Only the digests of the issued ones are on disk."""

    def __init__(self, store: Store, required: Iterable[str] = ()) -> None:
        self._store = store
        self._required = frozenset(map(_digest, filter(None, required)))
        self._minted: set[str] = set(store.read(_KEY) or ())

    def accepts(self, authorization: str) -> bool:
        """Return whether one of the header's tokens is known; every header is, where none is
        required.
        """
        if not self._required:
            return True
        known = self._required | self._minted
        return any(_digest(token) in known for token in tokens_of(authorization))

    def mint(self) -> str:
        """Issue a token. It has no `fm…` prefix: flyctl would take it for a macaroon, and send
        nothing.
        """
        token = f"local_{secrets.token_urlsafe(32)}"
        self._minted.add(_digest(token))
        self._store.write(_KEY, sorted(self._minted))
        return token


def tokens_of(authorization: str) -> Iterator[str]:
    """Read the tokens of a header: one scheme, then tokens with commas between (docs/fly-api.md
    1.3).
    """
    for scheme in _SCHEMES:
        if authorization.lower().startswith(scheme):
            authorization = authorization[len(scheme) :]
    yield from filter(None, (token.strip() for token in authorization.split(",")))


def digest_of(state_dir: Path, tokens: Sequence[str]) -> str:
    """Return a digest of the tokens that a daemon was started with; empty for none."""
    if not tokens:
        return ""
    return Cipher.of_file(state_dir / "secrets" / "key").digest("tokens", ",".join(sorted(tokens)))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
