"""Variables that are nearly settings of the service."""

from __future__ import annotations

import pytest
from flygate.config.typing_errors import meant


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("RATE_LIMT_RPM", "RATE_LIMIT_RPM"),
        ("RATE_LIMIT_RPMS", "RATE_LIMIT_RPM"),
        ("RATE_LIMIT_TOKENS", "RATE_LIMIT_STORAGE"),
        ("SHUTDOWN_SECOND", "SHUTDOWN_SECONDS"),
        ("RATE_LIMIT_RPM", ""),
        ("SERVICE_NAME", ""),
        ("LOGIN_URL", ""),
        ("REDIS_URLS", ""),
        ("", ""),
    ],
)
def test_a_slip_of_the_pen_differs_from_another_s_variable(name: str, setting: str) -> None:
    """Only what can't be meant otherwise."""
    assert bool(meant(name)) == bool(setting)
    assert not setting or meant(name).startswith("RATE_LIMIT_") == setting.startswith("RATE_LIMIT_")
