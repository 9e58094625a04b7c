"""`Authorization: Bearer TOKEN`, as RFC 9110 and RFC 6750 write it."""

from __future__ import annotations

import hmac
import re
from typing import Final

# The scheme in any case, a blank, the token.
_FORM: Final = re.compile(r"bearer +(?P<token>.+)", re.IGNORECASE | re.ASCII)


def bears(authorization: str, token: str) -> bool:
    """Return whether a field's value has this token, compared in constant time."""
    found = _FORM.fullmatch(authorization.strip(" \t"))
    given = found["token"] if found else ""
    return hmac.compare_digest(given.encode(), token.encode())
