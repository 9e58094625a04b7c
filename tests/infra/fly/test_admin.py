"""The admin token: the client takes what the service takes, and sends it nowhere in the open."""

from __future__ import annotations

import pytest
from flygate.fly import admin
from flygate.system.errors import ConfigError
from flygate_wire.variables import ADMIN_TOKEN_LENGTH_MIN

SHORTEST = "t" * ADMIN_TOKEN_LENGTH_MIN


def test_a_token_has_a_least_length() -> None:
    """It is the service's own, too."""
    assert admin.check_token(SHORTEST) == SHORTEST

    with pytest.raises(ConfigError):
        admin.check_token(SHORTEST[1:])


@pytest.mark.parametrize("token", [f"{SHORTEST} ", f"{SHORTEST}\n", f"{SHORTEST}é"])
def test_a_token_that_no_header_carries_is_refused(token: str) -> None:
    """It is refused in words that do not repeat it."""
    with pytest.raises(ConfigError) as refused:
        admin.check_token(token)

    assert token.strip() not in str(refused.value)


def test_the_token_is_not_sent_in_the_open() -> None:
    """Plain HTTP to another computer is refused before anything is sent."""
    with pytest.raises(ConfigError, match="sent over HTTPS only"):
        admin.AdminClient("http://example.com", SHORTEST)
